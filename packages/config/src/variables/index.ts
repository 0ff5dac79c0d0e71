import { z } from 'zod';
import { accounts, openId } from './accounts';
import { compose } from './compose';
import { embeddings, nextEmbeddings } from './embedding';
import { network } from './network';
import { reading, searches } from './reading';
import { api, database, files, health, redis, running } from './servers';
import type { VariableGroup } from './types';
import { collections, reconciler, retries } from './work';

/** Every variable that Millrace or docker-compose.yml reads, in the order of .env.example. Times are milliseconds, sizes are bytes. */
export const variableGroups: readonly VariableGroup[] = [
  database,
  redis,
  files,
  api,
  accounts,
  openId,
  network,
  health,
  reading,
  searches,
  embeddings,
  nextEmbeddings,
  retries,
  collections,
  reconciler,
  running,
  compose,
];

/** Parses the variables one by one. What holds between them is checked in config.ts. */
export const variables = z.object({
  ...database.variables,
  ...redis.variables,
  ...files.variables,
  ...api.variables,
  ...accounts.variables,
  ...openId.variables,
  ...network.variables,
  ...health.variables,
  ...reading.variables,
  ...searches.variables,
  ...embeddings.variables,
  ...nextEmbeddings.variables,
  ...retries.variables,
  ...collections.variables,
  ...reconciler.variables,
  ...running.variables,
});
