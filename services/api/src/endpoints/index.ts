import type { Endpoint, NamedEndpoint } from '../http/endpoint';
import * as documents from './documents';
import * as jobs from './jobs';
import * as retries from './retries';
import * as search from './search';
import * as service from './service';

/** Every endpoint of the API, with the name of its export. These files export nothing else, so an endpoint in one of them cannot be forgotten. */
export const endpoints: readonly NamedEndpoint[] = [documents, jobs, retries, search, service].flatMap((resource) =>
  Object.entries<Endpoint>({ ...resource }).map(([operationId, declared]) => ({ ...declared, operationId })),
);
