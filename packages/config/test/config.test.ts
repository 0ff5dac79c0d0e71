import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, ConfigError, loadConfig, loadMigrationConfig, resolveApiKey } from '../src';
import { envExample } from '../src/envExample';
import { variableGroups } from '../src/variables';

const servers = { DATABASE_URL: 'postgresql://u:p@localhost:5432/millrace', REDIS_URL: 'redis://localhost:6379' };

function issuesOf(environment: Record<string, string | undefined>): string {
  try {
    loadConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('The configuration should have been refused.');
}

describe('The configuration', () => {
  test('When only the servers are set, then everything else has its default', () => {
    expect(loadConfig(servers)).toMatchObject({
      embedding: { provider: 'static', model: 'millrace-static-v2', dimensions: 768, batchSize: 64 },
      nextEmbedding: null,
      CHUNK_MAX_TOKENS: 400,
      CHUNK_STRATEGY: 'structure',
      CHUNK_OVERLAP_TOKENS: 50,
      QUEUE_PREFIX: '{millrace}',
    });
  });

  test('When OCR_LANGUAGES names a language twice, then it is used once, and the order stays', () => {
    expect(loadConfig(servers).OCR_LANGUAGES).toEqual(['eng']);
    expect(loadConfig({ ...servers, OCR_LANGUAGES: 'deu+chi_sim+deu' }).OCR_LANGUAGES).toEqual(['deu', 'chi_sim']);
  });

  test('When the provider is openai, then its default model is used', () => {
    const config = loadConfig({ ...servers, EMBEDDING_PROVIDER: 'openai', OPENAI_API_KEY: 'sk-1' });
    expect(config.embedding).toMatchObject({
      model: 'text-embedding-3-small',
      settings: { OPENAI_API_KEY: 'sk-1', OPENAI_BASE_URL: undefined },
    });
  });

  test('When the card of a model names prefixes, then they are used unless others are set', () => {
    const environment = {
      ...servers,
      EMBEDDING_PROVIDER: 'openai',
      OPENAI_API_KEY: 'sk-1',
      EMBEDDING_MODEL: 'e5-base',
    };
    const prefixes = (changes: Record<string, string>) => {
      const { embedding, nextEmbedding } = loadConfig({ ...environment, ...changes });
      const { queryPrefix, documentPrefix, context, maxTokens } = nextEmbedding ?? embedding;
      return [queryPrefix, documentPrefix, context, maxTokens];
    };
    expect(prefixes({})).toEqual(['query: ', 'passage: ', 'headings', 512]);
    const own = {
      EMBEDDING_QUERY_PREFIX: 'Instruct: find\\nQuery: ',
      EMBEDDING_DOCUMENT_PREFIX: 'none',
      EMBEDDING_MAX_TOKENS: '300',
    };
    expect(prefixes(own)).toEqual(['Instruct: find\nQuery: ', '', 'headings', 300]);
    expect(prefixes({ ...own, NEXT_EMBEDDING_CONTEXT: 'none' })).toEqual(['Instruct: find\nQuery: ', '', 'none', 300]);
    expect(prefixes({ ...own, EMBEDDING_CONTEXT: 'none', NEXT_EMBEDDING_MODEL: 'bge-m3' })).toEqual([
      '',
      '',
      'none',
      8_192,
    ]);
    expect(prefixes({ NEXT_EMBEDDING_DOCUMENT_PREFIX: 'none' })).toEqual(['query: ', '', 'headings', 512]);
  });

  test('When a variable is empty, then it counts as not set', () => {
    expect(loadConfig({ ...servers, API_PORT: '', OPENAI_API_KEY: '' }).API_PORT).toBe(3000);
  });

  test('When the database is given as DATABASE_CONNECTION_STRING, then services and migrations use it', () => {
    const { DATABASE_URL: url, ...others } = servers;
    const environment = { ...others, DATABASE_CONNECTION_STRING: url };
    expect(loadConfig(environment).DATABASE_URL).toBe(url);
    expect(loadMigrationConfig(environment).DATABASE_MIGRATION_URL).toBe(url);
    expect(issuesOf({ ...others, DATABASE_CONNECTION_STRING: 'mysql://localhost/x' })).toContain(
      '  DATABASE_URL must be',
    );
  });

  test('When the minimum of a pool is above its maximum, then the message names both', () => {
    const issues = issuesOf({ ...servers, DATABASE_POOL_MIN: '6', DATABASE_POOL_MAX: '5' });
    expect(issues).toContain('  DATABASE_POOL_MIN must be at most DATABASE_POOL_MAX.\n');
  });

  test('When several variables are missing or wrong, then the message says what is wrong with each', () => {
    expect(issuesOf({ REDIS_URL: 'nonsense', API_PORT: '70000', LOG_LEVEL: 'loud' })).toBe(
      `The configuration is not usable:
  DATABASE_URL is not set. Set it to an address such as postgresql://user:password@host:5432/millrace.
  REDIS_URL must be an address such as redis://:password@host:6379/0.
  API_PORT must be a whole number from 0 to 65535.
  LOG_LEVEL must be trace, debug, info, warn, error, fatal or silent.
See .env.example for every variable.`,
    );
  });

  test.each([
    ['API_PORT', '1e3'],
    ['API_PORT', '-1'],
    ['API_PORT', '3000.5'],
    ['UPLOAD_MAX_BYTES', '0'],
    ['UPLOAD_MAX_BYTES', 'NaN'],
    ['EMBEDDING_DIMENSIONS', '2001'],
    ['QUEUE_PREFIX', 'millrace'],
    ['MILLRACE_API_KEY', 'short'],
    ['MILLRACE_API_KEY', ' '.repeat(20)],
    ['MILLRACE_API_KEY', 'a key that holds spaces'],
    ['OPENAI_BASE_URL', 'ftp://localhost'],
    ['STATIC_EMBEDDING_FILE', ' '],
    ['DATABASE_URL', 'mysql://localhost/x'],
    ['DATABASE_MAX_LIFETIME_MS', '2147483648'],
    ['EMBEDDING_PROVIDER', 'magic'],
    ['CHUNK_STRATEGY', 'sections'],
    ['EMBEDDING_MODEL', 'bge-base'],
    ['SEARCH_EFFORT', '0'],
    ['SEARCH_EFFORT', '11'],
    ['SEARCH_EFFORT', '1,5'],
    ['OCR_LANGUAGES', 'English'],
    ['OCR_LANGUAGES', 'eng+'],
    ['OCR_LANGUAGES', 'eng,deu'],
  ])('When %s is %j, then the message names the variable', (name, value) => {
    expect(issuesOf({ ...servers, [name]: value })).toContain(`  ${name} `);
  });

  test('When openai has neither a key nor an address, then the message names both', () => {
    expect(issuesOf({ ...servers, EMBEDDING_PROVIDER: 'openai' })).toContain(
      '  OPENAI_API_KEY must be set when EMBEDDING_PROVIDER is openai and OPENAI_BASE_URL is not set.\n',
    );
    expect(issuesOf({ ...servers, NEXT_EMBEDDING_PROVIDER: 'openai' })).toContain(
      '  NEXT_OPENAI_API_KEY must be set when NEXT_EMBEDDING_PROVIDER is openai and NEXT_OPENAI_BASE_URL is not set.\n',
    );
  });

  test.each([
    [{ NEXT_EMBEDDING_DIMENSIONS: '256' }, { model: 'small', dimensions: 256 }, { OPENAI_API_KEY: 'sk-1' }],
    [{ NEXT_EMBEDDING_MODEL: 'large' }, { model: 'large', dimensions: 512 }, { OPENAI_API_KEY: 'sk-1' }],
    [{ NEXT_EMBEDDING_PROVIDER: 'static' }, { model: 'millrace-static-v2', dimensions: 768 }, {}],
    [
      { NEXT_EMBEDDING_MODEL: 'bge', NEXT_OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' },
      { model: 'bge' },
      { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', OPENAI_API_KEY: undefined },
    ],
    [
      { NEXT_EMBEDDING_MODEL: 'bge', NEXT_OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', NEXT_OPENAI_API_KEY: 'sk-2' },
      {},
      { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', OPENAI_API_KEY: 'sk-2' },
    ],
    [
      { NEXT_EMBEDDING_MODEL: 'large', NEXT_OPENAI_BASE_URL: 'https://API.openai.com/v1/' },
      {},
      { OPENAI_BASE_URL: 'https://API.openai.com/v1/', OPENAI_API_KEY: 'sk-1' },
    ],
    [
      { NEXT_EMBEDDING_MODEL: 'large', NEXT_OPENAI_BASE_URL: 'http://api.openai.com/v1' },
      {},
      { OPENAI_BASE_URL: 'http://api.openai.com/v1', OPENAI_API_KEY: undefined },
    ],
  ])(
    'When the next model is given by %j, then the rest is inherited, and a key is not sent to another address',
    (given, model, settings) => {
      const current = {
        EMBEDDING_PROVIDER: 'openai',
        EMBEDDING_MODEL: 'small',
        EMBEDDING_DIMENSIONS: '512',
        OPENAI_API_KEY: 'sk-1',
      };
      expect(loadConfig({ ...servers, ...current }).nextEmbedding).toBeNull();
      expect(loadConfig({ ...servers, ...current, ...given }).nextEmbedding).toMatchObject({ ...model, settings });
    },
  );

  test('When a provider has no rule of its own, then the settings of the next model win where they are set', () => {
    const file = (config: Config) => config.nextEmbedding?.settings.STATIC_EMBEDDING_FILE;
    const next = { ...servers, STATIC_EMBEDDING_FILE: 'one', NEXT_EMBEDDING_PROVIDER: 'static' };
    expect(file(loadConfig(next))).toBe('one');
    expect(file(loadConfig({ ...next, NEXT_STATIC_EMBEDDING_FILE: 'two' }))).toBe('two');
  });

  test.each([
    ['NEXT_EMBEDDING_DIMENSIONS', { NEXT_EMBEDDING_DIMENSIONS: '512' }],
    ['NEXT_EMBEDDING_DIMENSIONS', { NEXT_EMBEDDING_DIMENSIONS: '0' }],
    ['NEXT_EMBEDDING_MODEL', { NEXT_EMBEDDING_MODEL: 'bge-base' }],
    ['NEXT_EMBEDDING_PROVIDER', { NEXT_EMBEDDING_PROVIDER: 'magic' }],
    ['NEXT_OPENAI_API_KEY', { NEXT_EMBEDDING_PROVIDER: 'openai' }],
  ])('When %s does not fit, then the message names it', (name, given) => {
    expect(issuesOf({ ...servers, ...given })).toContain(`  ${name} `);
  });

  test('When the overlap is more than half of a chunk, then it is refused', () => {
    const limits = { CHUNK_MAX_TOKENS: '100', CHUNK_OVERLAP_TOKENS: '51' };
    expect(issuesOf({ ...servers, ...limits })).toContain('CHUNK_OVERLAP_TOKENS');
  });

  test('When the static provider is given other dimensions, then they are refused, for migrations too', () => {
    expect(issuesOf({ ...servers, EMBEDDING_DIMENSIONS: '512' })).toContain('EMBEDDING_DIMENSIONS');
    expect(() => loadMigrationConfig({ DATABASE_URL: servers.DATABASE_URL, EMBEDDING_DIMENSIONS: '512' })).toThrow(
      ConfigError,
    );
  });

  test('When only migrations run, then Redis need not be set', () => {
    expect(loadMigrationConfig({ DATABASE_URL: servers.DATABASE_URL })).toEqual({
      DATABASE_URL: servers.DATABASE_URL,
      DATABASE_MIGRATION_URL: servers.DATABASE_URL,
      embedding: expect.objectContaining({ provider: 'static', model: 'millrace-static-v2', dimensions: 768 }),
      nextEmbedding: null,
    });
  });

  test('When DATABASE_MIGRATION_URL is set, then migrations use it', () => {
    const owner = 'postgresql://owner@127.0.0.1/millrace';
    const config = loadMigrationConfig({ DATABASE_URL: servers.DATABASE_URL, DATABASE_MIGRATION_URL: owner });
    expect(config.DATABASE_MIGRATION_URL).toBe(owner);
  });

  test.each(['short', 'with spaces in between', 'ümlaute-in-it-are-refused'])(
    'When the password of a role is %j, then it is refused, and the message does not show it',
    (password) => {
      const issues = issuesOf({ ...servers, DATABASE_SERVICE_PASSWORD: password });
      expect(issues).toContain('DATABASE_SERVICE_PASSWORD');
      expect(issues).not.toContain(password);
    },
  );

  test.each([
    ['2', 2],
    ['loopback, 10.0.0.0/8,2001:db8::/32,192.0.2.1', ['loopback', '10.0.0.0/8', '2001:db8::/32', '192.0.2.1']],
  ])('When TRUST_PROXY is %j, then these proxies are trusted', (TrustProxy, trusted) => {
    expect(loadConfig({ ...servers, TRUST_PROXY: TrustProxy }).TRUST_PROXY).toEqual(trusted);
  });

  test.each(['true', '0', '17', '10.0.0.0/33', '10.0.0.0/8/8', 'example.com', 'loopback,'])(
    'When TRUST_PROXY is %j, then it is refused: clients could choose their address',
    (TrustProxy) => expect(issuesOf({ ...servers, TRUST_PROXY: TrustProxy })).toContain('TRUST_PROXY must be'),
  );

  test('.env.example is made from the descriptions of the variables', () => {
    const text = readFileSync(join(__dirname, '..', '..', '..', '.env.example'), 'utf8');
    // To write it again: node packages/config/dist/writeEnvExample.js
    expect(text).toBe(envExample());
  });

  test('Every variable has a description, and a default or example that is accepted', () => {
    const entries = variableGroups.flatMap(({ variables }) => Object.entries(variables));
    expect(entries.length).toBeGreaterThan(60);
    for (const [name, schema] of entries.filter(([name]) => !name.startsWith('NEXT_'))) {
      expect([name, schema.meta()?.description]).toEqual([name, expect.stringMatching(/\.$/)]);
    }
    const values = [...envExample().matchAll(/^#([A-Z0-9_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]);
    expect(values).toHaveLength(entries.length);
    const withoutModel = values.filter(([name]) => name !== 'EMBEDDING_MODEL');
    expect(loadConfig(Object.fromEntries(withoutModel))).toMatchObject({ EMBEDDING_CONCURRENCY: 2 });
  });
});

describe('The API key', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'millrace-key-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('When no key is configured, then the first start makes a file that only its owner can read, and the next start uses it', () => {
    const first = resolveApiKey({ STATE_DIR: join(directory, 'state'), MILLRACE_API_KEY: undefined });
    expect(first.generated).toBe(true);
    expect(first.key.length).toBeGreaterThanOrEqual(32);
    expect(statSync(join(directory, 'state', 'api-key')).mode & 0o777).toBe(0o600);
    const second = resolveApiKey({ STATE_DIR: join(directory, 'state'), MILLRACE_API_KEY: undefined });
    expect(second).toEqual({ key: first.key, generated: false });
    expect(readdirSync(join(directory, 'state'))).toEqual(['api-key']);
  });

  test.each(['', 'short\n', '   '])('When the file holds %j, then it is refused', (content) => {
    writeFileSync(join(directory, 'api-key'), content);
    expect(() => resolveApiKey({ STATE_DIR: directory, MILLRACE_API_KEY: undefined })).toThrow(ConfigError);
  });

  test('When a key is configured, then it is used, and no file is written', () => {
    const configured = { STATE_DIR: join(directory, 'state'), MILLRACE_API_KEY: 'a-configured-api-key' };
    expect(resolveApiKey(configured)).toEqual({ key: 'a-configured-api-key', generated: false });
    expect(() => statSync(join(directory, 'state'))).toThrow('ENOENT');
  });
});
