import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeSamples } from '@millrace/test-support';
import { makeSnippet } from '../src/ingest/snippet';
import { runCommand } from '../src/program';
import { cleanUp, failUsage, makeContext, makeFolder, millrace } from './helpers';

afterAll(cleanUp);

const commands = [
  ...['demo', 'start', 'doctor', 'bench', 'chaos', 'test'].map((name) => [name]),
  ...['up', 'down', 'reset', 'status', 'install'].map((name) => ['services', name]),
  ...['setup', 'migrate', 'rollback', 'roles', 'reset', 'seed', 'backup', 'restore', 'status'].map((name) => [
    'db',
    name,
  ]),
  ...['report', 'build', 'rebuild', 'drop'].map((name) => ['index', name]),
  ...['start', 'status', 'cancel'].map((name) => ['re-embed', name]),
];

test('When a command has --help, then it prints only its usage', async () => {
  expect(commands).toHaveLength(27);
  for (const command of commands) {
    const context = makeContext();
    const print = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      await expect(runCommand(context, [...command, '--help'])).rejects.toMatchObject({ exitCode: 0 });
      expect(print.mock.calls.join('')).toContain(`Usage: millrace ${command.join(' ')} `);
    } finally {
      print.mockRestore();
    }
    expect(context.printed).toEqual([]);
  }
});

test('When the program has --help, then it lists the commands and the exit code is 0', async () => {
  const { code, output, errors } = await millrace(['--help']);
  expect([code, errors]).toEqual([0, '']);
  for (const [name = ''] of commands) {
    expect(output).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
  }
});

test.each([
  [[], 'Usage: millrace '],
  [['vacuum'], "unknown command 'vacuum'"],
  [['demo', '--unknown'], "unknown option '--unknown'"],
  [['demo', '--query'], "option '--query <text>' argument missing"],
  [['start', 'now'], 'too many arguments'],
  [['services'], 'Usage: millrace services '],
  [['services', 'sideways'], "unknown command 'sideways'"],
  [['services', 'up', '--now'], "unknown option '--now'"],
  [['chaos', '--seed', 'x'], 'It must be a whole number from 0 to 2147483647.'],
  [['chaos', '--minutes', '0'], 'It must be a number greater than 0.'],
  [['bench'], "missing required argument 'name'"],
])('When the arguments are %j, then the error and the usage are printed', async (args, message) => {
  const printed = await failUsage(makeContext(), ...args);
  expect(printed).toContain(message);
  expect(printed).toContain('Usage: millrace');
});

test('When the arguments are invalid, then the exit code is 2 and standard output is empty', async () => {
  const { code, output, errors } = await millrace(['vacuum']);
  expect([code, output]).toEqual([2, '']);
  expect(errors).toContain("unknown command 'vacuum'");
});

test('When a path is wrong, then the demo names it before it starts anything', async () => {
  const folder = makeFolder();
  const context = makeContext({ INIT_CWD: folder });
  await expect(runCommand(context, ['demo', 'missing.pdf', '.'])).rejects.toThrow(
    `These cannot be uploaded:\n  ${folder}/missing.pdf: there is no such file\n  ${folder}: this is not a file`,
  );
  expect(context.printed).toEqual([]);
});

test('When a variable is in .env and in the environment, then the environment wins, even when it is empty', async () => {
  const cwd = makeFolder();
  writeFileSync(
    join(cwd, '.env'),
    'DATABASE_URL=postgresql://file@127.0.0.1:1/none\nREDIS_URL="redis://127.0.0.1:1"\n',
  );
  const fromFile = await millrace(['services', 'status'], { cwd });
  expect(fromFile.code).toBe(1);
  expect(fromFile.output).toContain('DATABASE_URL is set to postgresql://file@127.0.0.1:1/none');
  expect(fromFile.output).toContain('REDIS_URL is set to redis://127.0.0.1:1');
  const { output } = await millrace(['services', 'status'], { cwd, environment: { DATABASE_URL: '' } });
  expect(output).toContain('postgres: never started in this checkout');
});

test('When the samples are made again, then they have the same bytes as the files in samples/', async () => {
  const folder = makeFolder();
  const files = await makeSamples(folder);
  const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  expect(files).toHaveLength(3);
  for (const file of files) {
    expect(digest(join(folder, file))).toBe(digest(join(__dirname, '../../../samples', file)));
  }
});

test('When the words of the query are far into a long text, then the snippet begins near them', () => {
  const text = `${'This sentence is about something else. '.repeat(20)}Revenue by quarter is shown below. The end.`;
  expect(makeSnippet(text, 'revenue by quarter')).toContain('Revenue by quarter is shown below.');
  expect(makeSnippet('short  text', 'query')).toBe('short text');
});
