import { isIP } from 'node:net';
import { limits } from '@app/contracts';
import { list, origins, serverSettings } from '@app/http/settings';

export const gateway = {
  ...serverSettings('gateway', 3000, 9464),
  CORS_ORIGINS: origins(),
  TRUST_PROXY: list(isNetwork, 'must be addresses or networks with commas between them'),
  ...limits(
    'body_limit_bytes',
    'handler_timeout_s',
    'rate_limit_per_minute',
    'event_loop_delay_ms',
  ),
};

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
