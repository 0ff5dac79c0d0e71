import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig, loadMigrationConfig, resolveApiKey } from '../src';

const servers = { DATABASE_URL: 'postgresql://u:p@localhost:5432/millrace', REDIS_URL: 'redis://localhost:6379' };

function issuesOf(environment: Record<string, string | undefined>): string {
  try {
    loadConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('the configuration was taken');
}

describe('The configuration', () => {
  test('When only the servers are named, then everything else has its default', () => {
    expect(loadConfig(servers)).toMatchObject({
      EMBEDDING_PROVIDER: 'static',
      EMBEDDING_MODEL: 'millrace-static-v2',
      EMBEDDING_DIMENSIONS: 768,
      CHUNK_MAX_TOKENS: 400,
      CHUNK_STRATEGY: 'structure',
      CHUNK_OVERLAP_TOKENS: 50,
      QUEUE_PREFIX: '{millrace}',
    });
  });

  test('When OCR is to read several languages, then each is taken once, in their order', () => {
    expect(loadConfig(servers).OCR_LANGUAGES).toEqual(['eng']);
    expect(loadConfig({ ...servers, OCR_LANGUAGES: 'deu+chi_sim+deu' }).OCR_LANGUAGES).toEqual(['deu', 'chi_sim']);
  });

  test('When the provider is openai, then its model is the default', () => {
    const config = loadConfig({ ...servers, EMBEDDING_PROVIDER: 'openai', OPENAI_API_KEY: 'sk-1' });
    expect(config.EMBEDDING_MODEL).toBe('text-embedding-3-small');
  });

  test('When a variable is empty, then it counts as not set', () => {
    expect(loadConfig({ ...servers, API_PORT: '', OPENAI_API_KEY: '' }).API_PORT).toBe(3000);
  });

  test('When the minimum of a pool is above its maximum, then both are named', () => {
    const issues = issuesOf({ ...servers, DATABASE_POOL_MIN: '6', DATABASE_POOL_MAX: '5' });
    expect(issues).toContain('DATABASE_POOL_MIN: must be at most DATABASE_POOL_MAX');
  });

  test('When several variables are missing or wrong, then all of them are named', () => {
    const message = issuesOf({ REDIS_URL: 'nonsense', API_PORT: '70000', LOG_LEVEL: 'loud' });
    for (const name of ['DATABASE_URL', 'REDIS_URL', 'API_PORT', 'LOG_LEVEL']) {
      expect(message).toContain(`  ${name}: `);
    }
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
  ])('When %s is %j, then it is refused by name', (name, value) => {
    expect(issuesOf({ ...servers, [name]: value })).toContain(`  ${name}: `);
  });

  test('When openai has neither key nor address, then the key is asked for', () => {
    expect(issuesOf({ ...servers, EMBEDDING_PROVIDER: 'openai' })).toContain('OPENAI_API_KEY');
  });

  test.each([
    [
      { NEXT_EMBEDDING_DIMENSIONS: '256' },
      { EMBEDDING_MODEL: 'small', EMBEDDING_DIMENSIONS: 256, OPENAI_API_KEY: 'sk-1' },
    ],
    [
      { NEXT_EMBEDDING_MODEL: 'large' },
      { EMBEDDING_MODEL: 'large', EMBEDDING_DIMENSIONS: 512, OPENAI_API_KEY: 'sk-1' },
    ],
    [{ NEXT_EMBEDDING_PROVIDER: 'static' }, { EMBEDDING_MODEL: 'millrace-static-v2', EMBEDDING_DIMENSIONS: 768 }],
    [
      { NEXT_EMBEDDING_MODEL: 'bge', NEXT_OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' },
      { EMBEDDING_MODEL: 'bge', OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', OPENAI_API_KEY: undefined },
    ],
    [
      { NEXT_EMBEDDING_MODEL: 'bge', NEXT_OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', NEXT_OPENAI_API_KEY: 'sk-2' },
      { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', OPENAI_API_KEY: 'sk-2' },
    ],
    [
      { NEXT_EMBEDDING_MODEL: 'large', NEXT_OPENAI_BASE_URL: 'https://API.openai.com/v1/' },
      { OPENAI_BASE_URL: 'https://API.openai.com/v1/', OPENAI_API_KEY: 'sk-1' },
    ],
    [
      { NEXT_EMBEDDING_MODEL: 'large', NEXT_OPENAI_BASE_URL: 'http://api.openai.com/v1' },
      { OPENAI_BASE_URL: 'http://api.openai.com/v1', OPENAI_API_KEY: undefined },
    ],
  ])('When the next model is given by %j, then the rest is as it is now, but no key goes elsewhere', (given, next) => {
    const now = {
      EMBEDDING_PROVIDER: 'openai',
      EMBEDDING_MODEL: 'small',
      EMBEDDING_DIMENSIONS: '512',
      OPENAI_API_KEY: 'sk-1',
    };
    expect(loadConfig({ ...servers, ...now }).nextEmbedding).toBeNull();
    expect(loadConfig({ ...servers, ...now, ...given }).nextEmbedding).toMatchObject(next);
  });

  test.each([
    ['NEXT_EMBEDDING_DIMENSIONS', { NEXT_EMBEDDING_DIMENSIONS: '512' }],
    ['NEXT_EMBEDDING_DIMENSIONS', { NEXT_EMBEDDING_DIMENSIONS: '0' }],
    ['NEXT_EMBEDDING_MODEL', { NEXT_EMBEDDING_MODEL: 'bge-base' }],
    ['NEXT_EMBEDDING_PROVIDER', { NEXT_EMBEDDING_PROVIDER: 'magic' }],
    ['NEXT_OPENAI_API_KEY', { NEXT_EMBEDDING_PROVIDER: 'openai' }],
  ])('When %s does not fit, then it is refused by name', (name, given) => {
    expect(issuesOf({ ...servers, ...given })).toContain(`  ${name}: `);
  });

  test('When the overlap is more than half a chunk, then it is refused', () => {
    const limits = { CHUNK_MAX_TOKENS: '100', CHUNK_OVERLAP_TOKENS: '51' };
    expect(issuesOf({ ...servers, ...limits })).toContain('CHUNK_OVERLAP_TOKENS');
  });

  test('When the static provider is asked for other dimensions, then it is refused, for migrations too', () => {
    expect(issuesOf({ ...servers, EMBEDDING_DIMENSIONS: '512' })).toContain('EMBEDDING_DIMENSIONS');
    expect(() => loadMigrationConfig({ DATABASE_URL: servers.DATABASE_URL, EMBEDDING_DIMENSIONS: '512' })).toThrow(
      ConfigError,
    );
  });

  test('When only migrations are to run, then no Redis is needed', () => {
    expect(loadMigrationConfig({ DATABASE_URL: servers.DATABASE_URL })).toEqual({
      DATABASE_URL: servers.DATABASE_URL,
      DATABASE_MIGRATION_URL: servers.DATABASE_URL,
      EMBEDDING_PROVIDER: 'static',
      EMBEDDING_MODEL: 'millrace-static-v2',
      EMBEDDING_DIMENSIONS: 768,
      nextEmbedding: null,
    });
  });

  test('When the owner of the database is named, then the schema is changed as that one', () => {
    const owner = 'postgresql://owner@127.0.0.1/millrace';
    const config = loadMigrationConfig({ DATABASE_URL: servers.DATABASE_URL, DATABASE_MIGRATION_URL: owner });
    expect(config.DATABASE_MIGRATION_URL).toBe(owner);
  });

  test.each(['short', 'with spaces in between', 'ümlaute-in-it-are-refused'])(
    'When the password of a role is %j, then it is refused without being shown',
    (password) => {
      const issues = issuesOf({ ...servers, DATABASE_SERVICE_PASSWORD: password });
      expect(issues).toContain('DATABASE_SERVICE_PASSWORD');
      expect(issues).not.toContain(password);
    },
  );

  test('When .env.example is read, then it names exactly the variables there are', () => {
    const text = readFileSync(join(__dirname, '..', '..', '..', '.env.example'), 'utf8');
    const named = [...text.matchAll(/^#?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name ?? '');
    const source = readFileSync(join(__dirname, '..', 'src', 'config.ts'), 'utf8');
    const there = [...source.matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)].map(([, name]) => name ?? '');
    expect(there.length).toBeGreaterThan(30);
    const variables = new Set(there);
    expect(new Set(named.filter((name) => variables.has(name)))).toEqual(variables);
  });

  test('When docker compose starts the services, then what tunes the database, OCR and searches reaches them', () => {
    const [example, compose] = ['.env.example', 'docker-compose.yml'].map((name) =>
      readFileSync(join(__dirname, '..', '..', '..', name), 'utf8'),
    ) as [string, string];
    const tuning = [
      ...example.matchAll(/^#((?:DATABASE|OCR|SEARCH)_(?!URL|CA_FILE|MIGRATION|SERVICE|READONLY)\w+)=/gm),
    ];
    expect(tuning.length).toBeGreaterThan(12);
    for (const [, name = ''] of tuning) {
      expect(compose).toContain(`\n  ${name}: \${${name}:-`);
    }
  });
});

describe('The API key', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'millrace-key-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('When none is configured, then the first start makes one that only the owner can read, and the next uses it', () => {
    const first = resolveApiKey({ STATE_DIR: join(directory, 'state'), MILLRACE_API_KEY: undefined });
    expect(first.generated).toBe(true);
    expect(first.key.length).toBeGreaterThanOrEqual(32);
    expect(statSync(join(directory, 'state', 'api-key')).mode & 0o777).toBe(0o600);
    const second = resolveApiKey({ STATE_DIR: join(directory, 'state'), MILLRACE_API_KEY: undefined });
    expect(second).toEqual({ key: first.key, generated: false });
    expect(readdirSync(join(directory, 'state'))).toEqual(['api-key']);
  });

  test.each(['', 'short\n', '   '])('When the kept key is %j, then it is refused and not used', (content) => {
    writeFileSync(join(directory, 'api-key'), content);
    expect(() => resolveApiKey({ STATE_DIR: directory, MILLRACE_API_KEY: undefined })).toThrow(ConfigError);
  });

  test('When one is configured, then it is used and nothing is written', () => {
    const configured = { STATE_DIR: join(directory, 'state'), MILLRACE_API_KEY: 'a-key-of-my-own-choice' };
    expect(resolveApiKey(configured)).toEqual({ key: 'a-key-of-my-own-choice', generated: false });
    expect(() => statSync(join(directory, 'state'))).toThrow('ENOENT');
  });
});
