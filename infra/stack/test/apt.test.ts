import { parseArchives } from '../src/apt/archives';

const line = (...fields: string[]) => fields.join('\t');
const bookworm = { distribution: 'debian', codename: 'bookworm' };

test('When apt lists several suites, then the main archive of the release is chosen', () => {
  const text = [
    line('bookworm-security', 'main', 'Debian-Security', 'http://mirror.example/debian-security/', '$(SIGNED_BY)'),
    line('bookworm-backports', 'main', 'Debian Backports', 'http://mirror.example/debian/', '$(SIGNED_BY)'),
    line('bookworm', 'main', 'vendor', 'http://vendor.example/apt/', '/usr/share/keyrings/vendor.gpg'),
    line('bookworm', 'contrib', 'Debian', 'http://mirror.example/debian/', '$(SIGNED_BY)'),
    line('bookworm', 'main', 'Debian', 'http://mirror.example/debian/', '/usr/share/keyrings/debian.gpg'),
  ].join('\n');
  expect(parseArchives(text, bookworm)).toEqual([
    { uri: 'http://mirror.example/debian/', keyring: '/usr/share/keyrings/debian.gpg' },
  ]);
});

test('When the source names no keyring, or has the key itself, then there is no keyring file', () => {
  const uri = 'https://mirror.example/debian/';
  for (const signedBy of ['$(SIGNED_BY)', '-----BEGIN PGP PUBLIC KEY BLOCK-----', '']) {
    expect(parseArchives(line('bookworm', 'main', 'Debian', uri, signedBy), bookworm)).toEqual([{ uri, keyring: '' }]);
  }
});

test('When no source has the release, or apt lists nothing, then there is no archive', () => {
  expect(parseArchives(line('trixie', 'main', 'Debian', 'http://mirror.example/debian/', ''), bookworm)).toEqual([]);
  expect(parseArchives('', bookworm)).toEqual([]);
});

test('When the system is Ubuntu, then its own archive is chosen, with one slash at the end of its address', () => {
  const text = [
    line('noble', 'universe', 'Ubuntu', 'http://mirror.example/ubuntu', ''),
    line('noble', 'main', 'Debian', 'http://mirror.example/debian/', ''),
    line('noble', 'main', 'Ubuntu', 'http://mirror.example/ubuntu', '/usr/share/keyrings/ubuntu-archive-keyring.gpg'),
  ].join('\n');
  expect(parseArchives(text, { distribution: 'ubuntu', codename: 'noble' })).toEqual([
    { uri: 'http://mirror.example/ubuntu/', keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg' },
  ]);
});
