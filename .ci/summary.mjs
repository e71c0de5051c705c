// Sums up a lane's report: a line `passed failed`, then a line for each failed test, with the first line of its error.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const { numPassedTests, numTotalTests, testResults } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const lines = [`${numPassedTests} ${numTotalTests - numPassedTests}`];
for (const { name, status, message, assertionResults } of testResults) {
  const failures = assertionResults.filter((test) => test.status !== 'passed');
  const file = relative('.', name);
  // A file that can't be loaded has no tests.
  if (failures.length === 0 && status === 'failed') lines.push(`${file}: ${firstLine(message)}`);
  for (const { fullName, failureMessages } of failures) {
    lines.push(`${file}: ${fullName}: ${firstLine(failureMessages?.[0] ?? 'did not run')}`);
  }
}
process.stdout.write(`${lines.join('\n')}\n`);

function firstLine(text) {
  return text.split('\n', 1)[0].slice(0, 300);
}
