import { UsageError } from './usageError';

/** An option that is a whole number, if it is given. @throws UsageError */
export function parseNumber<N extends string>(name: N, value: string | undefined, min: number, max: number) {
  if (value === undefined) {
    return {};
  }
  if (!/^\d{1,6}$/.test(value) || Number(value) < min || Number(value) > max) {
    throw new UsageError(`${name} must be a whole number from ${min} to ${max}, not ${value}.`);
  }
  return { [name]: Number(value) } as Record<N, number>;
}

/** An option that is a size of memory, if it is given. @throws UsageError */
export function parseMemory(value: string | undefined) {
  if (value === undefined) {
    return {};
  }
  if (!/^\d{1,6}(MB|GB)$/.test(value)) {
    throw new UsageError(`--memory must be a size such as 512MB or 4GB, not ${value}.`);
  }
  return { memory: value };
}
