// What the SDK needs of its surroundings, as types: a web view may bring its own of both.

/** Where the SDK keeps the few things that must outlive a page: this device's name and answers not sent yet. */
export interface Store {
  get(key: string): Promise<any>;
  set(key: string, value: any): Promise<void>;
  remove(key: string): Promise<void>;
  /** All whose keys begin so, in the order of their keys. */
  entries(prefix: string): Promise<[string, any][]>;
}

/** How a push service reaches a device. */
export interface Address {
  endpoint: string;
  keys: { p256dh: string; auth: string };
}

/** How a device is reached. */
export interface Pusher {
  /** `install`: only once the page is on the Home Screen. */
  support(): 'yes' | 'no' | 'install';
  permission(): NotificationPermission;
  /** Only from a click. */
  ask(): Promise<NotificationPermission>;
  subscribe(key: string): Promise<Address>;
  /** The one there is, if it belongs to this key. */
  current(key: string): Promise<Address | null>;
  unsubscribe(): Promise<void>;
}
