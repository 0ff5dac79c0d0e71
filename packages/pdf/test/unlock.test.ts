import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brokenPdf, encryptedPdf, ownerEncryptedPdf, pagelessPdf, textPdf } from '@millrace/test-support';
import { openPdf } from '../src';
import { unlockPdf } from '../src/unlock/unlock';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

async function unlock(bytes: Buffer, password: string) {
  const source = await folder.write(bytes);
  const target = `${source}.open`;
  return { unlocked: await unlockPdf({ source, password, target }), source, target };
}

async function textOf(path: string): Promise<string[]> {
  const file = await openPdf(path);
  try {
    return Array.from({ length: file.info.pageCount }, (_, index) => file.readPage(index + 1).text);
  } finally {
    file.close();
  }
}

describe('When the password of a PDF is removed', () => {
  test.each([
    ['RC4, 40 bits', '1.3'],
    ['RC4, 128 bits', '1.4'],
    ['AES, 128 bits', '1.7'],
    ['AES, 256 bits', '1.7ext3'],
  ] as const)(
    'and it is encrypted with %s, then the copy opens without it and holds the same text',
    async (_, pdfVersion) => {
      const texts = ['First page.', 'Second page.'];
      for (const password of ['secret', 'pässwört', ' with spaces ']) {
        const { unlocked, target, source } = await unlock(
          await encryptedPdf(password, texts, { pdfVersion }),
          password,
        );
        expect(unlocked).toBe(true);
        expect(await textOf(target)).toEqual(texts);
        await expect(openPdf(source)).rejects.toMatchObject({ code: 'PDF_ENCRYPTED' });
        expect(readFileSync(target).includes(password)).toBe(false);
      }
    },
  );

  test("and it is the owner's password, then the copy opens as well", async () => {
    const { unlocked, target } = await unlock(await encryptedPdf('secret', 'Owned.'), 'secret-owner');
    expect(unlocked).toBe(true);
    expect(await textOf(target)).toEqual(['Owned.']);
  });

  test.each(['wrong', 'secret ', 'SECRET', 'x'.repeat(200), ' '])(
    'and %j is wrong, then PDF_PASSWORD_WRONG and no copy',
    async (password) => {
      const source = await folder.write(await encryptedPdf('secret'));
      const unlocked = unlockPdf({ source, password, target: `${source}.open` });
      await expect(unlocked).rejects.toMatchObject({ code: 'PDF_PASSWORD_WRONG' });
      expect(existsSync(`${source}.open`)).toBe(false);
    },
  );

  test.each([
    ['has no password', () => textPdf(['Open.'])],
    ['has restrictions only', () => ownerEncryptedPdf()],
    ['is broken', async () => brokenPdf()],
    ['has no pages', async () => pagelessPdf()],
    ['is not a PDF', async () => Buffer.from('plain text')],
  ])('and the file %s, then there is no copy', async (_what, make) => {
    const { unlocked, target } = await unlock(await make(), 'secret');
    expect(unlocked).toBe(false);
    expect(existsSync(target)).toBe(false);
  });

  test('and the engine does not know the encryption, then PDF_ENCRYPTION_UNSUPPORTED and no copy', async () => {
    const known = await encryptedPdf('secret');
    const source = await folder.write(
      Buffer.from(known.toString('latin1').replace('/Standard', '/Sandward'), 'latin1'),
    );
    await expect(unlockPdf({ source, password: 'secret', target: `${source}.open` })).rejects.toMatchObject({
      code: 'PDF_ENCRYPTION_UNSUPPORTED',
    });
    expect(existsSync(`${source}.open`)).toBe(false);
  });

  test('and the copy cannot be written, then STORAGE_UNAVAILABLE', async () => {
    const source = await folder.write(await encryptedPdf('secret'));
    await expect(unlockPdf({ source, password: 'secret', target: `${source}/none` })).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
    });
  });
});

const corpus = join(__dirname, '../../../../shared/corpus/hostile');
if (existsSync(corpus)) {
  test.each([
    ['issue15893_reduced.pdf', 'test', 22],
    ['issue21579.pdf', 'pässwört', 98],
  ])('When %s of the corpus comes with its password, then it is read', async (file, password, characters) => {
    const { unlocked, target } = await unlock(readFileSync(join(corpus, file)), password);
    expect(unlocked).toBe(true);
    expect((await textOf(target)).join('').length).toBe(characters);
  });
} else {
  test('When the corpus (../shared/corpus) is absent, then its files with known passwords are NOT tested', () =>
    undefined);
}
