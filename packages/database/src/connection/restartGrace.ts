/**
 * SQL condition: the database server has been up for more than five seconds. Holders of leases and claims could not renew
 * them while the server was down. After a restart they get this long to do so, because their work may be done already and
 * only waiting to be stored.
 */
export const serverIsSettled = 'abs(extract(epoch FROM now() - pg_postmaster_start_time())) > 5';
