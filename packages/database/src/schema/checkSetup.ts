import { describeModel, type EmbeddingModel, isSameModel, MillraceError, modelOf } from '@millrace/contracts';
import type { Sql } from '../connection/sql';
import { modelColumns } from '../repositories/embeddingModels';
import { migrationNames } from './migrations';
import { checkVectorVersions, migrateAdvice, type VectorVersions, vectorVersionsQuery } from './vectorExtension';

/**
 * Checks that the database fits the configuration: the vector extension, every migration, and the model and dimensions of its
 * vectors. It changes nothing.
 * @param expected the models that this configuration can make vectors with. One of them must be the stored model or the next
 *   one of a re-embedding. Without any, the model is not checked.
 * @returns warnings: what works and should be changed all the same.
 * @throws MillraceError SETUP_INVALID, which says what is wrong and what to do, or DATABASE_UNAVAILABLE.
 */
export async function checkSetup(sql: Sql, ...expected: EmbeddingModel[]): Promise<string[]> {
  const warning = await checkExtension(sql);
  await checkMigrations(sql);
  const [first, ...others] = expected;
  if (first !== undefined) {
    await checkEmbedding(sql, first, others);
  }
  return warning === null ? [] : [warning];
}

async function checkExtension(sql: Sql): Promise<string | null> {
  return checkVectorVersions(await sql.one<VectorVersions>(vectorVersionsQuery));
}

async function checkMigrations(sql: Sql): Promise<void> {
  const { exists } = await sql.one<{ exists: boolean }>(`SELECT to_regclass('pgmigrations') IS NOT NULL AS exists`);
  const run = exists ? await sql.many<{ name: string }>('SELECT name FROM pgmigrations') : [];
  const names = new Set(run.map((row) => row.name));
  const missing = migrationNames().filter((name) => !names.has(name));
  if (missing.length > 0) {
    throw new MillraceError('SETUP_INVALID', `Migrations have not run: ${missing.join(', ')}. ${migrateAdvice}`);
  }
}

async function checkEmbedding(sql: Sql, expected: EmbeddingModel, others: readonly EmbeddingModel[]): Promise<void> {
  const settings = await sql.one<EmbeddingModel>(`SELECT ${modelColumns} FROM embedding_settings`);
  const { dimensions } = await sql.one<{ dimensions: number }>(
    `SELECT atttypmod AS dimensions FROM pg_attribute
     WHERE attrelid = 'document_chunks'::regclass AND attname = 'embedding'`,
  );
  const stored = modelOf({ ...settings, dimensions });
  const next = await sql.oneOrNone<EmbeddingModel>(
    `SELECT ${modelColumns} FROM re_embeddings WHERE status = 'running'`,
  );
  const usable = [stored, ...(next ? [next] : [])];
  if ([expected, ...others].some((one) => usable.some((other) => isSameModel(one, other)))) {
    return;
  }
  if (dimensions !== expected.dimensions) {
    throw new MillraceError(
      'SETUP_INVALID',
      `EMBEDDING_DIMENSIONS is ${expected.dimensions}, but the database stores vectors of ${dimensions}. ` +
        `Set EMBEDDING_DIMENSIONS=${dimensions} again. ${changeAdvice} Or use a new database, migrated with EMBEDDING_DIMENSIONS=${expected.dimensions}.`,
    );
  }
  if (stored.model !== expected.model) {
    throw new MillraceError(
      'SETUP_INVALID',
      `EMBEDDING_MODEL is ${expected.model}, but the database is set up for vectors of ${stored.model}. Vectors of two models cannot be compared. ` +
        `Set EMBEDDING_PROVIDER and EMBEDDING_MODEL back. ${otherwise}`,
    );
  }
  throw new MillraceError(
    'SETUP_INVALID',
    `The configured model is ${describeModel(expected)}, but the database is set up for vectors of ${describeModel(stored)}. ` +
      `Vectors that were made with other additions to the texts are found less well. Set ${additions(stored)} for the stored ones. ${otherwise}`,
  );
}

/** Returns the variables that name the prefixes and the context of a model, with their values. */
function additions({ queryPrefix, documentPrefix, context }: EmbeddingModel): string {
  const quoted = (prefix: string) => (prefix === '' ? 'none' : JSON.stringify(prefix));
  return `EMBEDDING_QUERY_PREFIX=${quoted(queryPrefix)}, EMBEDDING_DOCUMENT_PREFIX=${quoted(documentPrefix)} and EMBEDDING_CONTEXT=${context}`;
}

const changeAdvice =
  'To change the stored vectors, see docs/database/re-embedding.md ("npm run millrace -- re-embed start").';

const otherwise =
  `${changeAdvice} Or use a new database (DATABASE_URL) for the new model. ` +
  'A database without vectors takes the configured model when the migrations run again.';
