/**
 * SQL condition: the database server has been up for more than five seconds. No lease or claim could be renewed while the
 * server was down. Their holders get these five seconds to renew them, because their work may be done and only wait to be
 * stored.
 */
export const restartGraceIsOver = 'abs(extract(epoch FROM now() - pg_postmaster_start_time())) > 5';
