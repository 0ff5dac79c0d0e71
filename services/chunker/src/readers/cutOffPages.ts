import type { ReadPage } from './reader';

/** In a file that was cut off, the content of a blank page may have been in the part that is lost. */
export function blankIsLost(read: ReadPage): ReadPage {
  const { outcome } = read;
  return outcome.outcome === 'empty'
    ? { ...read, outcome: { ...outcome, outcome: 'failed', errorCode: 'PAGE_CUT_OFF' } }
    : read;
}
