import type { Endpoint, NamedEndpoint } from '../http/endpoint';
import * as actions from './actions';
import * as auth from './auth';
import * as collectionMembers from './collectionMembers';
import * as collections from './collections';
import * as documents from './documents';
import * as groups from './groups';
import * as jobs from './jobs';
import * as keys from './keys';
import * as me from './me';
import * as models from './models';
import * as moving from './moving';
import * as retries from './retries';
import * as search from './search';
import * as service from './service';
import * as users from './users';
import * as versions from './versions';

/**
 * Every endpoint of the API, named by its export. The files above export only endpoints, so an endpoint that one
 * of them exports cannot be missing here.
 */
export const endpoints: readonly NamedEndpoint[] = [
  actions,
  auth,
  collections,
  collectionMembers,
  documents,
  groups,
  jobs,
  keys,
  me,
  moving,
  models,
  retries,
  search,
  service,
  versions,
  users,
].flatMap((resource) =>
  Object.entries<Endpoint>({ ...resource }).map(([operationId, declared]) => ({ ...declared, operationId })),
);
