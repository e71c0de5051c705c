/** `GET /machine`: the workers, the queue and the speed of the whole service. */
import { machineRoute, presentMachine, presentMachineHistory } from '@prosemill/contract';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';

export function addMachineRoute(addRoute: AddRoute, { machine }: ApiServices): void {
  addRoute(machineRoute, async (c) => {
    const { history: seconds } = c.req.valid('query');
    const [state, history] = await Promise.all([
      machine.current(),
      seconds === undefined ? undefined : machine.history(),
    ]);
    const body = presentMachine(state, c.var.caller.ownerId);
    if (history === undefined || seconds === undefined) return c.json(body, 200);
    return c.json({ ...body, history: history && presentMachineHistory(history, seconds) }, 200);
  });
}
