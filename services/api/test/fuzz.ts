import fc from 'fast-check';

/** A part of a JSON Schema, as the OpenAPI document has it. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  format?: string;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

/** Texts that break out of what they stand in: SQL, JSON paths, log lines, headers, file names, terminals, numbers. */
export const hostileTexts = [
  '',
  ' ',
  '\0',
  'a\0b',
  "' OR 1=1 --",
  `'; DROP TABLE documents; --`,
  '$1',
  '$<collectionIds>',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: The text itself is the attack.
  '${7*7}',
  '{{7*7}}',
  '%00',
  '%zz',
  '\\',
  '\\u0000',
  '\ud800',
  '\udfff\ud800',
  'line\r\nSet-Cookie: a=b',
  '../../../../etc/passwd',
  '..\\..\\windows',
  'a/b',
  '\u202Efdp.exe',
  'ﬀ'.repeat(20),
  '😀'.repeat(300),
  'x'.repeat(20_000),
  '-1',
  '1e400',
  'NaN',
  'null',
  'true',
  '[]',
  '{}',
  '{"$ne":null}',
  '__proto__',
  'constructor',
  '0000-00-00',
  '2026-02-30',
  '9999-12-31T23:59:60Z',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '1 day',
  "a' & 'b | !c:*",
  '\t\n\v\f',
  '\u2028\u2029\uFEFF',
];

const hostileValues: unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  -0,
  2 ** 31,
  2 ** 53,
  Number.MAX_VALUE,
  5e-324,
  [],
  [[]],
  [null],
  {},
  { a: { b: { c: {} } } },
  { ['__proto__']: { polluted: true } },
  Array.from({ length: 1_000 }, (_, i) => i),
];

const hostile = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.constantFrom(...hostileValues),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.jsonValue({ maxDepth: 3 }),
);

/**
 * Makes values that nearly fit the schema: most fit it, and one value in six is of any kind.
 * @param resolve finds the schema that a reference names
 */
export function nearlyValid(
  schema: JsonSchema,
  resolve: (reference: string) => JsonSchema,
  depth = 0,
): fc.Arbitrary<unknown> {
  const again = (inner: JsonSchema) => nearlyValid(inner, resolve, depth + 1);
  const fitting = (): fc.Arbitrary<unknown> => {
    if (depth > 8) {
      return fc.constant(null);
    }
    if (schema.$ref !== undefined) {
      return again(resolve(schema.$ref));
    }
    if ('const' in schema) {
      return fc.constant(schema.const);
    }
    if (schema.enum) {
      return fc.constantFrom(...schema.enum);
    }
    const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
    if (choices) {
      return fc.oneof(...choices.map(again));
    }
    const [type] = [schema.type].flat();
    switch (type) {
      case 'object':
        return fc.record(
          Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, again(inner)])),
          { requiredKeys: [] },
        );
      case 'array':
        return fc.array(schema.items ? again(schema.items) : fc.jsonValue(), { maxLength: 4 });
      case 'integer':
        return fc.integer({
          min: Math.max(schema.minimum ?? -5, -(2 ** 31)),
          max: Math.min(schema.maximum ?? 500, 2 ** 31 - 1),
        });
      case 'number':
        return fc.double({ min: schema.minimum ?? -10, max: schema.maximum ?? 10, noNaN: true });
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      default:
        return textOf(schema);
    }
  };
  return fc.oneof({ weight: 5, arbitrary: fitting() }, { weight: 1, arbitrary: hostile });
}

function textOf({ format }: JsonSchema): fc.Arbitrary<string> {
  switch (format) {
    case 'uuid':
      return fc.uuid();
    case 'date':
      return fc.date({ noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10));
    case 'date-time':
      return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
    default:
      return fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom('a', 'report 2025', 'en', 'ada@example.org'));
  }
}
