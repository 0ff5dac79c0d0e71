import { checkLanguages } from '../src';

describe('When languages are checked', () => {
  test('and all are installed, then there is no error', () => {
    expect(() => checkLanguages(['eng', 'deu', 'fra', 'spa'])).not.toThrow();
  });

  test('and some are missing, then the error names them and the command that installs them', () => {
    expect(() => checkLanguages(['eng', 'xho', 'chi_sim'])).toThrow(
      expect.objectContaining({
        code: 'SETUP_INVALID',
        message: expect.stringMatching(
          /names xho, chi_sim, .* pnpm@\S+ --filter @millrace\/pdf add @tesseract\.js-data\/xho@1\.0\.0 @tesseract\.js-data\/chi_sim@1\.0\.0"\.$/,
        ),
      }),
    );
  });
});
