import { type Command, InvalidArgumentError } from 'commander';

/** Makes a parser for whole numbers. It throws InvalidArgumentError. */
export function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    if (!/^\d{1,10}$/.test(value) || Number(value) < min || Number(value) > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return Number(value);
  };
}

/** Parses a positive number. @throws InvalidArgumentError */
export function positiveNumber(value: string): number {
  if (!(Number(value) > 0)) {
    throw new InvalidArgumentError('It must be a number greater than 0.');
  }
  return Number(value);
}

function memorySize(value: string): string {
  if (!/^\d{1,6}(MB|GB)$/.test(value)) {
    throw new InvalidArgumentError('It must be a size such as 512MB or 4GB.');
  }
  return value;
}

/** Adds the options for the resources of an index build. */
export function addResourceOptions(command: Command): Command {
  return command
    .option('--memory <size>', 'memory for the index build, such as 4GB (maintenance_work_mem)', memorySize)
    .option('--workers <n>', 'further processes that build', wholeNumber(0, 64));
}
