import { TextDecoder } from 'node:util';
import { Utf32Decoder } from './utf32';

export interface Decoder {
  decode(piece?: Buffer, options?: { stream: boolean }): string;
}

/**
 * Makes a decoder.
 * @param encoding As `encodingOf` returns it.
 * @param fatal Whether bytes that are no characters throw an error.
 */
export function decoderOf(encoding: string, fatal: boolean): Decoder {
  return encoding === 'utf-32le' || encoding === 'utf-32be'
    ? new Utf32Decoder(encoding, { fatal })
    : new TextDecoder(encoding, { fatal });
}
