export { acquireLock, identifyProcess, isSameProcess } from '../../../scripts/lock.cjs';
