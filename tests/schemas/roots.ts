// What is checked of what Kickbot sends, in Slack's own types: the roots of slack.json.
import type { HomeView, KnownBlock, MessageMetadata, ModalView } from '@slack/types';
import type { Manifest as OpenManifest } from '@slack/web-api/dist/types/request/manifest';

// Without the index signature that lets any field in.
type Closed<T> = { [K in keyof T as string extends K ? never : K]: T[K] };

/** Maximum number of items is 50. @see https://docs.slack.dev/reference/block-kit/blocks */
export type Blocks = KnownBlock[];

/** Maximum number of items is 100. */
export type ViewBlocks = KnownBlock[];

// Slack's views also take any object with a type; these take the known blocks only.
export interface Modal extends Omit<ModalView, 'blocks'> {
  blocks: ViewBlocks;
}

export interface Home extends Omit<HomeView, 'blocks'> {
  blocks: ViewBlocks;
}

export type Metadata = MessageMetadata;

export interface Manifest extends Closed<OpenManifest> {}
