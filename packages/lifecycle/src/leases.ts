import { serverIsSettled } from '@millrace/database';

/** SQL: the lease of a row is over. */
export const leaseIsOver = `(lease_expires_at < now() AND ${serverIsSettled})`;
