import { MillraceError } from '@millrace/contracts';

/** Makes the error for a document that was deleted during the request. */
export function documentNotFound(id: string): MillraceError {
  return new MillraceError('DOCUMENT_NOT_FOUND', `There is no document ${id}.`);
}
