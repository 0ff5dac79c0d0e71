import { checkLanguages } from '../src';

describe('When languages are looked for', () => {
  test('and all are installed, then that is well', () => {
    expect(() => checkLanguages(['eng', 'deu', 'fra', 'spa'])).not.toThrow();
  });

  test('and some are not, then they are named, with the command that adds them', () => {
    expect(() => checkLanguages(['eng', 'xho', 'chi_sim'])).toThrow(
      expect.objectContaining({
        code: 'SETUP_INVALID',
        message: expect.stringMatching(
          /names xho, chi_sim, .* pnpm@\S+ --filter @millrace\/pdf add @tesseract\.js-data\/xho@1\.0\.0 @tesseract\.js-data\/chi_sim@1\.0\.0$/,
        ),
      }),
    );
  });
});
