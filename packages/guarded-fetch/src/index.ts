export { type Answer, fetchUrl, type OpenAnswer, openUrl, type UrlRequest } from './fetchUrl';
export type { FetchPolicy, Resolve } from './policy';
