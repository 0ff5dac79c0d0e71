import { findMainArchive, parseListFile, parseSourcesFile } from '../src/apt/aptSources';

describe('apt sources', () => {
  test('When a one-line file has options and comments, then its packages lines are read and the rest is left out', () => {
    const text = [
      '# a comment',
      'deb [arch=amd64 signed-by=/usr/share/keyrings/some.gpg] https://mirror.example/debian bookworm main contrib # end',
      'deb-src https://mirror.example/debian bookworm main',
      '  deb http://mirror.example/debian-security bookworm-security main',
      '#deb http://off.example/debian bookworm main',
    ].join('\n');
    expect(parseListFile(text)).toEqual([
      {
        uri: 'https://mirror.example/debian',
        suites: ['bookworm'],
        components: ['main', 'contrib'],
        signedBy: '/usr/share/keyrings/some.gpg',
      },
      {
        uri: 'http://mirror.example/debian-security',
        suites: ['bookworm-security'],
        components: ['main'],
        signedBy: undefined,
      },
    ]);
  });

  test('When a deb822 file has several paragraphs, then disabled and source-only ones are left out', () => {
    const text = [
      'Types: deb deb-src',
      '# a comment between fields',
      'URIs: http://mirror.example/debian http://second.example/debian',
      'Suites: bookworm',
      '  bookworm-updates',
      'Components: main',
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
      '',
      'Types: deb',
      'URIs: http://off.example/debian',
      'Suites: bookworm',
      'Components: main',
      'Enabled: no',
      '',
      'Types: deb-src',
      'URIs: http://source.example/debian',
      'Suites: bookworm',
      'Components: main',
    ].join('\n');
    const facts = {
      suites: ['bookworm', 'bookworm-updates'],
      components: ['main'],
      signedBy: '/usr/share/keyrings/debian-archive-keyring.gpg',
    };
    expect(parseSourcesFile(text)).toEqual([
      { uri: 'http://mirror.example/debian', ...facts },
      { uri: 'http://second.example/debian', ...facts },
    ]);
  });

  test('When a key stands in the file itself, then the source is read without a keyring', () => {
    const text = [
      'Types: deb',
      'URIs: http://mirror.example/debian',
      'Suites: bookworm',
      'Components: main',
      'Signed-By:',
      ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
      ' .',
      ' mQINBF',
      ' -----END PGP PUBLIC KEY BLOCK-----',
    ].join('\n');
    expect(parseSourcesFile(text)).toEqual([
      { uri: 'http://mirror.example/debian', suites: ['bookworm'], components: ['main'], signedBy: undefined },
    ]);
  });

  test('When the security archive comes first, then the main archive is chosen all the same', () => {
    const sources = parseListFile(
      [
        'deb http://mirror.example/debian-security bookworm-security main',
        'deb http://mirror.example/debian bookworm-backports main',
        'deb http://vendor.example/apt bookworm vendor',
        'deb http://mirror.example/debian bookworm main',
      ].join('\n'),
    );
    expect(findMainArchive(sources, 'bookworm')?.uri).toBe('http://mirror.example/debian');
  });

  test('When no source has the release, then there is no main archive', () => {
    expect(findMainArchive(parseListFile('deb http://vendor.example/apt any vendor'), 'bookworm')).toBeUndefined();
  });
});
