import type { SearchFilter } from '@millrace/database';
import { type Scope, scopeCollections, scopes } from './rows';

/** A search narrowed to a part of the set, and how. */
export interface ScopedFilter {
  scope: Scope;
  /** For tables. */
  title: string;
  /** For figures. */
  name: string;
  /** As a search takes it. */
  filter: Omit<SearchFilter, 'embeddingModel'>;
}

const titles: Record<Scope, string> = { all: 'no filter', 'one-percent': '1%', 'one-thousandth': '0.1%' };

/** By collection. */
export const collectionFilters: readonly ScopedFilter[] = scopes.map((scope) => ({
  scope,
  title: titles[scope],
  name: scope.replaceAll('-', '_'),
  filter: scope === 'all' ? {} : { collectionId: scopeCollections[scope] },
}));

/** By the documents' metadata. */
export const metadataFilters: readonly ScopedFilter[] = scopes
  .filter((scope) => scope !== 'all')
  .map((scope) => ({
    scope,
    title: `${titles[scope]} by metadata`,
    name: `${scope.replaceAll('-', '_')}_by_metadata`,
    filter: { metadata: { part: scope } },
  }));
