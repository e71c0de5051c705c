/** The reasons why a message was not accepted, in words of the page. */
import type { DeliveryBody } from '@prosemill/contract';

type Fault = NonNullable<DeliveryBody['log'][number]['error']>;

export const deliveryFaults: Readonly<Record<Fault, string>> = {
  address_refused: 'the host has an address that is not public',
  dns_failed: 'the host has no address, or none was told',
  connection_failed: 'no connection, or it broke',
  timed_out: 'no answer in time',
  redirected: 'a redirect, which is not followed',
  gone: 'the receiver is gone',
  bad_status: 'refused',
};
