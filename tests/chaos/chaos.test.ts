import { missingPrograms } from './src/backing';
import { faultKinds } from './src/plan';
import { describeReport } from './src/report';
import { run } from './src/run';

/** A fixed seed whose plan has every kind of fault, so that a run that has failed fails again. */
const seed = 20261125;
/** Other tests run at the same time. */
const timeoutMs = 600_000;

const missing = missingPrograms();
if (missing) {
  console.warn(`The short chaos run is skipped: ${missing}`);
}
const testWithServers = missing ? test.skip : test;

describe('When everything is killed, stopped and broken while documents are ingested', () => {
  testWithServers(
    'then nothing is lost, doubled or left behind',
    async () => {
      const { report, folder } = await run({
        seed,
        durationMs: 32_000,
        documents: 11,
        maxPages: 25,
        gapMs: [800, 3_000],
        latencyMs: [200, 1_000],
        say: () => undefined,
        signal: new AbortController().signal,
      });
      expect(new Set(report.faults.map((fault) => fault.kind))).toEqual(new Set(faultKinds));
      if (report.problems.length > 0) {
        throw new Error(`${describeReport(report)}\n\nThe logs are in ${folder}; the seed was ${seed}`);
      }
    },
    timeoutMs,
  );
});
