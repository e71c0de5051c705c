import { startNameServer } from '@prosemill/testkit';
import { describe, expect, it } from 'vitest';
import { addressesIn, createResolveHost, namesToAsk } from './resolve-host.ts';

const hosts = `
127.0.0.1 localhost # 10.0.0.9 hooks
10.0.0.1\thooks.example  Hooks
fe80::1%eth0 hooks
nonsense hooks
`;
const resolvConf = `
nameserver 127.0.0.11 # search commented.example
domain old.example
search prosemill.svc.example svc.example .
options ndots:5
`;

describe('a host', () => {
  it('has the addresses of the hosts file', () => {
    expect(addressesIn(hosts, 'hooks.example.')).toEqual([{ address: '10.0.0.1', family: 4 }]);
    expect(addressesIn(hosts, 'hooks').map(({ address }) => address)).toEqual(['10.0.0.1', 'fe80::1%eth0']);
    expect(addressesIn(hosts, 'example')).toEqual([]);
  });

  it('is asked for with the search domains, unless it ends with a dot', () => {
    const longer = ['hooks.prosemill.svc.example', 'hooks.svc.example'];
    expect(namesToAsk(resolvConf, 'hooks')).toEqual([...longer, 'hooks']);
    expect(namesToAsk(resolvConf, 'a.b')).toEqual(['a.b', 'a.b.prosemill.svc.example', 'a.b.svc.example']);
    expect(namesToAsk(resolvConf, 'hooks.')).toEqual(['hooks.']);
    expect(namesToAsk('', 'hooks')).toEqual(['hooks']);
  });

  it('has the addresses of both families, or of the one that a name server tells in time', async () => {
    const { address } = await startNameServer((name, type) => {
      return name.startsWith('half') && type === 'AAAA' ? null : ['192.0.2.1', '2001:db8::1'];
    });
    const resolveHost = createResolveHost({ nameServers: [address], timeoutMs: 300 });
    const [ipv4, ipv6] = [
      { address: '192.0.2.1', family: 4 },
      { address: '2001:db8::1', family: 6 },
    ];
    expect(await resolveHost('hooks.example.')).toEqual([ipv4, ipv6]);
    expect(await resolveHost('half.example.')).toEqual([ipv4]);
  });

  it('without an answer fails in time', async () => {
    const { address } = await startNameServer(() => null);
    const resolveHost = createResolveHost({ nameServers: [address], timeoutMs: 300 });
    await expect(resolveHost('hooks.example')).rejects.toThrow(expect.objectContaining({ code: 'ECANCELLED' }));
  });
});
