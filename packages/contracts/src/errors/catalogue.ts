import { documentErrors } from './documentErrors';
import { requestErrors } from './requestErrors';
import { workErrors } from './workErrors';

/** Every error code Millrace answers with or stores. The code is the contract; wording may change. */
export const errorCatalogue = { ...requestErrors, ...documentErrors, ...workErrors } as const;

export type ErrorCode = keyof typeof errorCatalogue;

/** True when `code` is one of the catalogue's. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCatalogue, code);
}
