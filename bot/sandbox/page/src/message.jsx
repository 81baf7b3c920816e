// One message, as in a channel or a thread.
import { memo } from 'react'
import { Avatar } from './avatar.jsx'
import { Blocks } from './blocks.jsx'
import { author, linkTo } from './conversation.js'
import { clock, whole } from './dates.js'
import { File } from './file.jsx'
import { useHere } from './here.js'
import { Menu } from './menu.jsx'
import { mrkdwn } from './mrkdwn.js'
import { nameOf } from './names.js'
import { SurfaceOf } from './surface.jsx'
import { Rich } from './text.jsx'

export function Message({ message, threaded, ...given }) {
  const { state } = useHere()
  const by = author(state, message)
  const looks = ['message', message.reader && 'only', given.marked && 'marked'].filter(Boolean).join(' ')
  return (
    <article className={looks} data-ts={message.ts} tabIndex={given.tabIndex} aria-label={`${nameOf(state, by)}, ${clock(message.ts)}`}>
      <Avatar id={by} />
      <div className="message-body">
        {message.reader && <p className="only-you"><Eye /> Only visible to you</p>}
        <p className="by">
          <b>{nameOf(state, by)}</b>
          {by === state.app.user && <span className="app-badge">APP</span>}
          <time title={whole(message.ts)}>{clock(message.ts)}</time>
          {message.edited && <span className="edited">(edited)</span>}
        </p>
        <Content message={message} />
        {!threaded && message.reply_count > 0 && <Replies message={message} />}
      </div>
      <Tools message={message} threaded={threaded} />
    </article>
  )
}

const Eye = () => (
  <svg aria-hidden="true" viewBox="0 0 20 14" width="15" height="11" fill="none" stroke="currentColor" strokeWidth="1.6">
    <path d="M1 7c4-7.5 14-7.5 18 0-4 7.5-14 7.5-18 0z" />
    <circle cx="10" cy="7" r="2.6" />
  </svg>
)

const same = (before, after) => JSON.stringify(before.message) === JSON.stringify(after.message)

const Content = memo(function Content({ message }) {
  return (
    <>
      {message.blocks?.length ? (
        <SurfaceOf place={{ channel: message.channel, ts: message.ts }} blocks={message.blocks}>
          <Blocks blocks={message.blocks} />
        </SurfaceOf>
      ) : (
        <div className="block"><Rich parts={mrkdwn(message.text)} /></div>
      )}
      {message.files?.map((file) => <File key={file.id} file={file} />)}
      {message.reactions?.length > 0 && (
        <p className="reactions">{message.reactions.map((r) => <span key={r.name}>:{r.name}: {r.count}</span>)}</p>
      )}
    </>
  )
}, same)

function Replies({ message }) {
  const { openThread } = useHere()
  return (
    <p className="replies">
      <span className="faces" aria-hidden="true">{message.reply_users?.slice(0, 4).map((id) => <Avatar key={id} id={id} />)}</span>
      <button type="button" className="link" onClick={() => openThread(message)}>
        {message.reply_count} {message.reply_count > 1 ? 'replies' : 'reply'}
      </button>
      <small>Last one {clock(message.latest_reply)}</small>
    </p>
  )
}

function Tools({ message, threaded }) {
  const { state, act, openThread, say } = useHere()
  const offered = (state.app.shortcuts ?? []).filter((shortcut) => shortcut.type === 'message')
  const copy = async () => {
    await navigator.clipboard.writeText(location.origin + linkTo(message))
    say('Link copied')
  }
  const press = (shortcut) => act('shortcut', { callback_id: shortcut.callback_id, channel: message.channel, ts: message.ts })
  const items = [
    !threaded && { name: 'Open its thread', pick: () => openThread(message) },
    { name: 'Copy link', pick: copy },
    ...offered.map((shortcut) => ({ name: shortcut.name, note: state.app.name, pick: () => press(shortcut) })),
  ].filter(Boolean)
  return message.reader ? null : (
    <div className="tools"><Menu label="More actions" className="tool" items={items}>⋯</Menu></div>
  )
}
