import type { State } from '@app/state';

/** What is kept of people in the state store, of one kind. An owner is what `callerOf` returns. */
export interface Personal {
  name: string;
  /** Goes before the others: who is signed in no more makes nothing new. */
  first?: boolean;
  /** All of it, as it can be given to the person. */
  export(state: State, owner: string): Promise<unknown[]>;
  /** Removes it, and returns how much there was. */
  erase(state: State, owner: string): Promise<number>;
}
