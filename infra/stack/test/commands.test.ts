import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { makeSnippet } from '../src/client/snippet';
import { demoCommand } from '../src/commands/demo';
import { servicesCommand } from '../src/commands/services';
import { UsageError } from '../src/commands/usage';
import { readEnvironment } from '../src/environment';
import { withInterrupt } from '../src/processes/interrupt';
import { makeSamples } from '../src/samples/makeSamples';
import { chooseApiPort } from '../src/services/apiPort';
import { cleanUp, makeContext, makeFolder } from './helpers';

afterAll(cleanUp);

describe('the command line', () => {
  test('When a path is wrong, then the demo names it before it starts anything', async () => {
    const folder = makeFolder();
    const context = makeContext({ INIT_CWD: folder });
    const attempt = demoCommand(context, ['missing.pdf', '.']);
    await expect(attempt).rejects.toThrow(
      `These cannot be uploaded:\n  ${folder}/missing.pdf: there is no such file\n  ${folder}: this is not a file`,
    );
    expect(context.said).toEqual([]);
  });

  test.each([[['--unknown']], [['--query']]])('When the demo gets %j, then it is a usage error', async (args) => {
    await expect(demoCommand(makeContext(), args)).rejects.toBeInstanceOf(UsageError);
  });

  test.each([[[]], [['sideways']], [['up', '--now']]])(
    'When services gets %j, then it is a usage error',
    async (args) => {
      await expect(servicesCommand(makeContext(), args)).rejects.toBeInstanceOf(UsageError);
    },
  );
});

describe('the environment', () => {
  test('When a variable is in .env and in the environment, then the environment wins, even when it is empty', () => {
    const folder = makeFolder();
    writeFileSync(join(folder, '.env'), 'LOG_LEVEL=debug\nREDIS_URL=redis://there\nAPI_PORT="4000"\n');
    expect(readEnvironment(folder, { LOG_LEVEL: 'warn', REDIS_URL: '' })).toEqual({
      LOG_LEVEL: 'warn',
      REDIS_URL: '',
      API_PORT: '4000',
    });
  });
});

describe("the API's port", () => {
  test('When the user chose a port that is taken, then the error names API_PORT', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await expect(chooseApiPort(makeContext({ API_PORT: String(port) }))).rejects.toThrow(`API_PORT is ${port}`);
    await new Promise((resolve) => other.close(resolve));
  });

  test('When the user chose none, then the port is free', async () => {
    const port = await chooseApiPort(makeContext());
    const server = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('an interrupt', () => {
  test('When Ctrl-C arrives twice at once, as under npm, then the work is told once and can end in order', async () => {
    const said: string[] = [];
    const outcome = await withInterrupt(
      (line) => said.push(line),
      async (signal) => {
        process.emit('SIGINT');
        process.emit('SIGINT');
        return signal.aborted ? 'ended in order' : 'not told';
      },
    );
    expect(outcome).toBe('ended in order');
    expect(said).toHaveLength(1);
  });
});

describe('the samples', () => {
  test('When they are made again, then they are the files in samples/', async () => {
    const folder = makeFolder();
    const files = await makeSamples(folder);
    const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
    expect(files).toHaveLength(3);
    for (const file of files) {
      expect(digest(join(folder, file))).toBe(digest(join(__dirname, '../../../samples', file)));
    }
  });
});

describe('a snippet', () => {
  test('When the words of the query come late in a long text, then the snippet begins near them', () => {
    const text = `${'Nothing of interest stands here. '.repeat(20)}Revenue by quarter is shown below. The end.`;
    expect(makeSnippet(text, 'revenue by quarter')).toContain('Revenue by quarter is shown below.');
    expect(makeSnippet('short  text', 'query')).toBe('short text');
  });
});
