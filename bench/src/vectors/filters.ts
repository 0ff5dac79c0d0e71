import type { SearchFilter } from '@millrace/database';
import { type Scope, scopeCollections, scopes } from './rows';

/** A search in a part of the set. */
export interface ScopedFilter {
  scope: Scope;
  /** The name in figures. */
  name: string;
  filter: Omit<SearchFilter, 'embeddingModel'>;
}

const nameOf = (scope: Scope) => scope.replaceAll('-', '_');

export const noFilter: ScopedFilter = { scope: 'all', name: 'all', filter: {} };

export const collectionFilters: readonly ScopedFilter[] = scopes.map((scope) =>
  scope === 'all' ? noFilter : { scope, name: nameOf(scope), filter: { collectionIds: [scopeCollections[scope]] } },
);

/** The same parts by the metadata of their documents. */
export const metadataFilters: readonly ScopedFilter[] = scopes
  .filter((scope) => scope !== 'all')
  .map((scope) => ({ scope, name: `${nameOf(scope)}_by_metadata`, filter: { metadata: { part: scope } } }));
