import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { annualReport } from './annualReport';
import { letter } from './letter';
import { manual } from './manual';
import { writeSample } from './page';

/** Writes every sample into a folder. @returns the names of the files */
export async function makeSamples(directory: string): Promise<string[]> {
  mkdirSync(directory, { recursive: true });
  const samples = [annualReport, letter, manual];
  await Promise.all(samples.map((sample) => writeSample(sample, join(directory, sample.file))));
  return samples.map((sample) => sample.file);
}

if (require.main === module) {
  void makeSamples(join(__dirname, '../../../../samples')).then(
    (files) => process.stdout.write(`Made ${files.join(', ')}\n`),
    (error: Error) => {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    },
  );
}
