import { isIP } from 'node:net';
import { z } from 'zod';

export const mebibyte = 1024 * 1024;
export const day = 86_400_000;

/** The longest time that a timer can wait, in whole days: Node.js fires timers beyond 2^31 - 1 ms at once. */
export const longestTimer = 24 * day;

/** An API key travels in an HTTP header, where a space would end it. */
export const keyPattern = /^[\x21-\x7e]{16,}$/;

/**
 * One part of .env.example. Every message of a variable completes a sentence that begins with its name:
 * "must be a whole number from 1 to 64".
 */
export interface VariableGroup<Variables extends Record<string, z.ZodType> = Record<string, z.ZodType>> {
  title: string;
  /** What all its variables have in common. */
  introduction?: string;
  variables: Variables;
}

/** Returns the group as it is, typed by its variables. */
export function group<Variables extends Record<string, z.ZodType>>(
  parts: VariableGroup<Variables>,
): VariableGroup<Variables> {
  return parts;
}

/** A whole number from text. Refuses fractions, exponents and everything outside the bounds. */
export function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.string().regex(/^\d+$/, error).transform(Number).pipe(z.number().min(min, error).max(max, error));
}

/** A decimal number from text, such as 2.5. */
export function decimal(min: number, max: number) {
  const error = `must be a number from ${min} to ${max}, such as 2.5`;
  return z
    .string()
    .regex(/^\d+(\.\d+)?$/, error)
    .transform(Number)
    .pipe(z.number().min(min, error).max(max, error));
}

export function oneOf<const Values extends readonly string[]>(values: Values) {
  return z.enum(values, `must be ${values.slice(0, -1).join(', ')} or ${values.at(-1)}`);
}

/** Text without space around it, and not empty. */
export function text() {
  return z.string().trim().min(1, 'must not be blank');
}

/** A prefix. Its spaces count. The value "none" is the empty prefix, because an empty variable counts as not set. */
export function prefix() {
  return z.string().transform((value) => (value.trim() === 'none' ? '' : value.replaceAll('\\n', '\n')));
}

export function apiKey() {
  return z.string().regex(keyPattern, 'must be at least 16 printable characters without spaces');
}

export function postgresUrl() {
  return url(/^postgres(ql)?$/, 'postgresql://user:password@host:5432/millrace');
}

export function redisUrl() {
  return url(/^rediss?$/, 'redis://:password@host:6379/0');
}

function url(protocol: RegExp, example: string) {
  return z.url({
    protocol,
    error: ({ input }) =>
      input === undefined
        ? `is not set. Set it to an address such as ${example}`
        : `must be an address such as ${example}`,
  });
}

/** Languages by their codes in Tesseract, each once. */
export function languages() {
  return z
    .string()
    .regex(/^[a-z]{3}(_[a-z]+)*(\+[a-z]{3}(_[a-z]+)*)*$/, "must be Tesseract's codes joined by +, such as eng+deu")
    .transform((codes) => [...new Set(codes.split('+'))]);
}

const proxyNetworks = ['loopback', 'linklocal', 'uniquelocal'];

/** The proxies to trust, as Express takes them. To trust all would let clients choose their address, so it is refused. */
export function trustedProxies() {
  const error =
    'must be a number from 1 to 16, or addresses and networks joined by commas, such as loopback,10.0.0.0/8';
  return z.string().transform((text, context): number | string[] => {
    if (/^([1-9]|1[0-6])$/.test(text)) {
      return Number(text);
    }
    const entries = text.split(',').map((entry) => entry.trim());
    if (!entries.every((entry) => proxyNetworks.includes(entry) || isNetwork(entry))) {
      context.addIssue({ code: 'custom', message: error });
    }
    return entries;
  });
}

/** True for an address, and for an address with the length of its prefix: 10.0.0.0/8. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
  return family !== 0 && isPrefix && rest.length === 0;
}

/** Origins of pages: scheme, host and perhaps a port. A star would let every page call. */
export function origins() {
  const error = 'must be origins such as https://app.example.com, joined by commas';
  const isOrigin = (entry: string) => /^https?:/.test(entry) && URL.canParse(entry) && new URL(entry).origin === entry;
  return commaList(isOrigin, error);
}

/** Networks and addresses, joined by commas. */
export function networks() {
  const error = 'must be networks joined by commas, such as 10.0.0.0/8';
  return commaList(isNetwork, error);
}

/** Ports, joined by commas. */
export function ports() {
  const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
  return commaList(isPort, 'must be ports from 1 to 65535 joined by commas').transform((texts) => texts.map(Number));
}

function commaList(isEntry: (text: string) => boolean, error: string) {
  return z.string().transform((text, context): string[] => {
    const entries = text.split(',').map((entry) => entry.trim());
    if (!entries.every(isEntry)) {
      context.addIssue({ code: 'custom', message: error });
    }
    return entries;
  });
}
