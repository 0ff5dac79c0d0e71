/** The lock that the bootstrap script needs too, so it lies there. */
export { acquireLock, identifyProcess, isSameProcess } from '../../../../scripts/lock.cjs';
