/**
 * SQL: the lease of a row is over. A database server that has just started gives the holders of leases, who could not
 * renew them while it was away, five seconds to do so: their work may be done and only waiting to be stored.
 */
export const leaseIsOver = `(lease_expires_at < now()
  AND abs(extract(epoch FROM now() - pg_postmaster_start_time())) > 5)`;
