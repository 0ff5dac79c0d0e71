/**
 * SQL: the database server has been up for more than five seconds. One that has just started gives the holders of leases
 * and claims, who could not renew them while it was away, that long to do so: their work may be done and only waiting to
 * be stored.
 */
export const serverIsSettled = 'abs(extract(epoch FROM now() - pg_postmaster_start_time())) > 5';
