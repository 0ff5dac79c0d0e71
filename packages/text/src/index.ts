export { charsetOf } from './encoding/charset';
export { EncodingDetector } from './encoding/encodingDetector';
export { readTextPages } from './readTextPages';
export { type TextLine, type TextPage, type TextType, textTypeOf, textTypes } from './types';
