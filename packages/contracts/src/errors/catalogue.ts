import { documentErrors } from './documentErrors';
import { requestErrors } from './requestErrors';
import { workErrors } from './workErrors';

/** Every error code that Millrace answers with or stores. The code is the contract. The wording may change. */
export const errorCatalogue = { ...requestErrors, ...documentErrors, ...workErrors } as const;

export type ErrorCode = keyof typeof errorCatalogue;

/** Returns true when the catalogue has the code. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCatalogue, code);
}

/** True for the code of a file within a document that was not read. The list of pages has a page for that file, which is not read again. */
export function standsForFile(code: string | null): boolean {
  return code !== null && (code.startsWith('ATTACHMENT_') || code === 'PDF_XFA_FORM');
}
