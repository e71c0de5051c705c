/** Assigns the work of each scenario to the contestants. */
import type { Contestant } from './contestants/contestant.ts';
import type { Contestants } from './contestants/start-contestants.ts';
import type { Pass } from './measure.ts';
import type { Scenario, Scenarios } from './scenarios.ts';
import type { Work } from './work.ts';

/** The scenario with 64 texts in flight leaves out the pipeline and the static batches, which would run as with 32. */
export function passesOf(scenarios: Scenarios, contestants: Contestants): readonly Pass[] {
  const { pipeline, staticBatches, llama, fp32, int8, fp32Wide, int8Wide } = contestants;
  const peers = llama === null ? [] : [llama];
  function workFor(scenario: Scenario, contestant: Contestant): readonly Work[] {
    if (contestant === pipeline) return scenario.sequentialWork;
    return contestant === staticBatches ? scenario.batchWork : scenario.work;
  }
  const pass = (scenario: Scenario, contestant: Contestant): Pass => ({
    scenario,
    contestant,
    work: workFor(scenario, contestant),
  });
  return [
    ...[scenarios.single, scenarios.queue32, scenarios.prefill].flatMap((scenario) =>
      [pipeline, staticBatches, ...peers, fp32, int8].map((contestant) => pass(scenario, contestant)),
    ),
    pass(scenarios.ideal32, int8),
    ...[...peers, fp32Wide, int8Wide].map((contestant) => pass(scenarios.queue64, contestant)),
  ];
}
