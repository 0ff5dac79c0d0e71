import { DatabaseError } from 'pg';
import type { StackContext } from '../context';
import { createDatabase, withClient } from '../postgres/probe';
import { givenOwner } from './owner';

const invalidCatalogName = '3D000';

/** Makes the database that the user's URL names where the server has none of that name; its owner is the URL's user. */
export async function createGivenDatabase(context: StackContext): Promise<void> {
  const url = givenOwner(context)?.url;
  if (url === undefined || !URL.canParse(url)) {
    return;
  }
  try {
    await withClient(url, 10_000, async () => undefined);
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === invalidCatalogName)) {
      // Whatever else is wrong is said, with what to do, by those who use the database.
      return;
    }
    const maintenance = new URL(url);
    maintenance.pathname = '/postgres';
    const name = decodeURIComponent(new URL(url).pathname.slice(1));
    await createDatabase(maintenance.href, name);
    context.say(`Made the database ${name}.`);
  }
}
