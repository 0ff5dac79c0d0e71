import type { z } from 'zod';
import { ConfigError } from './configError';
import { type ModelVariables, modelVariables, readModels, readProviders } from './embedding';
import { type Environment, withOwnNames } from './otherNames';
import { variables } from './variables';

type Variables = z.infer<typeof variables>;

const environmentSchema = variables
  .superRefine((env, context) => {
    const refuse = (name: keyof Variables, message: string) =>
      context.addIssue({ code: 'custom', path: [name], message });
    if (env.DATABASE_POOL_MIN > env.DATABASE_POOL_MAX) {
      refuse('DATABASE_POOL_MIN', 'must be at most DATABASE_POOL_MAX');
    }
    if (env.OIDC_ISSUER !== undefined && env.OIDC_AUDIENCE === undefined) {
      refuse('OIDC_AUDIENCE', 'is not set. With OIDC_ISSUER it says for whom the tokens must be');
    }
    if ((env.OIDC_ROLE_CLAIM === undefined) !== (env.OIDC_ROLE_MAP === undefined)) {
      refuse('OIDC_ROLE_MAP', 'must be set together with OIDC_ROLE_CLAIM');
    }
    if (env.CHUNK_OVERLAP_TOKENS * 2 > env.CHUNK_MAX_TOKENS) {
      refuse('CHUNK_OVERLAP_TOKENS', 'must be at most half of CHUNK_MAX_TOKENS');
    }
  })
  .transform((env, context) => ({ ...withoutModels(env), ...readProviders(env, context) }));

/** Every setting of the services. The variables of models and providers are in `embedding` and `nextEmbedding`. */
export type Config = Readonly<z.infer<typeof environmentSchema>>;

const migrationSchema = variables
  .pick({
    DATABASE_URL: true,
    DATABASE_CA_FILE: true,
    DATABASE_MIGRATION_URL: true,
    DATABASE_SERVICE_PASSWORD: true,
    DATABASE_READONLY_PASSWORD: true,
    ...modelVariables,
  })
  .transform((env, context) => ({
    ...withoutModels(env),
    ...readModels(env, context),
    DATABASE_MIGRATION_URL: env.DATABASE_MIGRATION_URL ?? env.DATABASE_URL,
  }));

/** The settings of programs that change the schema and the roles: the owner's database, and the models of its vectors. */
export type MigrationConfig = Readonly<z.infer<typeof migrationSchema>>;

function withoutModels<T extends ModelVariables>(env: T): Omit<T, keyof ModelVariables> {
  const rest = Object.entries(env).filter(([name]) => !Object.hasOwn(modelVariables, name));
  return Object.fromEntries(rest) as Omit<T, keyof ModelVariables>;
}

function parse<T>(schema: z.ZodType<T>, environment: Environment): T {
  // An empty variable counts as not set, as in the `NAME=` lines of a file .env.
  const given = Object.fromEntries(Object.entries(withOwnNames(environment)).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues);
  }
  return parsed.data;
}

/**
 * Parses the environment of a service.
 * @throws ConfigError that names every variable that is missing or wrong.
 */
export function loadConfig(environment: Environment): Config {
  return parse(environmentSchema, environment);
}

/**
 * Parses what a migration needs and nothing else.
 * @throws ConfigError that names every variable that is missing or wrong.
 */
export function loadMigrationConfig(environment: Environment): MigrationConfig {
  return parse(migrationSchema, environment);
}
