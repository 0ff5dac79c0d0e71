/** The place of a row in a list that begins with the newest row. */
export interface ListPlace {
  /** When the row was made, in microseconds since 1970, which is how exactly PostgreSQL knows it. */
  at: string;
  id: string;
}

/** A row of such a list. */
export type Listed<Row> = Row & ListPlace;

/** Which part of such a list is wanted: up to `limit` rows after a place, or from the first row on. */
export interface ListPage {
  after: ListPlace | null;
  limit: number;
}

/** SQL: the column `at` of a ListPlace. */
export function placeColumn(time: string): string {
  return `(extract(epoch FROM ${time}) * 1000000)::bigint::text AS at`;
}

/** SQL: the row comes after the place of `placeValues`. */
export function isAfterPlace(time: string, id: string): string {
  return `($<afterAt> IS NULL OR (${time}, ${id}) < (to_timestamp($<afterAt>::float8 / 1000000), $<afterId>::uuid))`;
}

/** The values of `isAfterPlace`. */
export function placeValues({ after, limit }: ListPage) {
  return { afterAt: after?.at ?? null, afterId: after?.id ?? null, limit };
}

/** SQL: a time is within the bounds that are given. `name` names the values `nameAfter` and `nameBefore`. */
export function isWithin(time: string, name: string): string {
  return `($<${name}After>::timestamptz IS NULL OR ${time} >= $<${name}After>)
    AND ($<${name}Before>::timestamptz IS NULL OR ${time} < $<${name}Before>)`;
}

/** SQL: the value is one of an array's, or there is no array. */
export function isOneOf(column: string, name: string): string {
  return `($<${name}>::text[] IS NULL OR ${column} = ANY($<${name}>::text[]))`;
}

/** The collections that a list or a search is about: these, or when they are undefined all but others. */
export interface CollectionScope {
  collectionIds?: readonly string[] | undefined;
  exceptCollectionIds?: readonly string[] | undefined;
}

/**
 * SQL: the collection is within the scope. Needs its parts as values. An index by collection and time gives the rows of one
 * collection in their order, but not those of several.
 */
export function isInCollections(column: string, { collectionIds, exceptCollectionIds }: CollectionScope): string {
  if (collectionIds === undefined) {
    return exceptCollectionIds === undefined ? 'true' : `${column} <> ALL($<exceptCollectionIds>::uuid[])`;
  }
  return collectionIds.length === 1
    ? `${column} = ($<collectionIds>::uuid[])[1]`
    : `${column} = ANY($<collectionIds>::uuid[])`;
}

/**
 * SQL: the ids of the newest rows in the collections of the value `collectionIds`: the newest of each, by the index by collection,
 * time and id, and of these the newest. The collection is a range of one id, and part of the order. With "=" the planner walks
 * through all rows from the newest on, because it takes the rows of a collection for evenly spread over time. Among a million rows
 * that took up to two seconds. Needs the values of `placeValues`.
 * @param list the table and the column of its time.
 * @param fits returns the SQL of the other conditions, for the SQL of the one about the collection.
 */
export function newestInEach(
  { table, time }: { table: string; time: string },
  fits: (isInScope: string) => string,
): string {
  const end = `(one.id, coalesce(to_timestamp($<afterAt>::float8 / 1000000), 'infinity'),
    coalesce($<afterId>::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))`;
  return `SELECT newest.id FROM unnest($<collectionIds>::uuid[]) AS one (id), LATERAL (
      SELECT id, ${time} AS time FROM ${table}
      WHERE ${fits(`collection_id >= one.id AND (collection_id, ${time}, id) < ${end}`)}
      ORDER BY collection_id DESC, ${time} DESC, id DESC LIMIT $<limit>) AS newest
    ORDER BY newest.time DESC, newest.id DESC LIMIT $<limit>`;
}

/** SQL: each word of the value `filename` begins a word of the file name. */
export function isNamed(filename: string): string {
  return `($<filename> IS NULL OR array_to_tsvector(filename_words(${filename})) @@
    (SELECT string_agg(quote_literal(word) || ':*', ' & ')::tsquery FROM unnest(filename_words($<filename>)) AS word))`;
}
