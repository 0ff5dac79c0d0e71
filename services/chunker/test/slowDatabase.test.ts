import { textPdf } from '@millrace/test-support';
import { jobOf } from '@millrace/test-support/lifecycle';
import { createIngest } from './support';

test('When storing a document takes longer than the limit of a statement, then its job fails with DATABASE_TIMEOUT', async () => {
  const { database, handler, upload, dispose } = await createIngest(undefined, { statementTimeoutMs: 5_000 });
  try {
    await database.sql.none(
      `CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NEW; END $$;
       CREATE TRIGGER linger BEFORE INSERT ON job_chunks FOR EACH ROW EXECUTE FUNCTION linger()`,
    );
    const { delivery } = await upload(await textPdf(['The mill turns slowly.']), 1);
    expect(await handler.handle(delivery)).toMatchObject({ outcome: 'failed', code: 'DATABASE_TIMEOUT' });
    const failed = await jobOf(database, delivery.jobId);
    expect(failed).toMatchObject({ status: 'failed', errorCode: 'DATABASE_TIMEOUT' });
  } finally {
    await dispose();
  }
}, 300_000);
