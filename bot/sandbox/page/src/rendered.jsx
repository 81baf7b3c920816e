// The one place where the renderer draws: rich text, tables and dividers, with this workspace's names and links.
import { Message } from 'slack-blocks-to-jsx'
import { formatted, whole } from './dates.js'
import { linked } from './conversation.js'
import { useHere } from './here.js'
import { channelName, handleOf } from './names.js'

export function Rendered({ block }) {
  const here = useHere()
  // Without its block_id: the renderer would make it the id of an element of the page.
  const { block_id: _, ...anonymous } = block
  return <Message blocks={[anonymous]} hooks={hooks(here)} name="" logo="" withoutWrapper />
}

function hooks({ state, visit }) {
  return {
    user: ({ id }) => <Mention name={`@${handleOf(state, id)}`} />,
    usergroup: ({ id }) => <Mention name={`@${handleOf(state, id)}`} />,
    channel: ({ id }) => <Mention name={`#${channelName(state, id)}`} />,
    atHere: () => <Mention name="@here" />,
    atChannel: () => <Mention name="@channel" />,
    atEveryone: () => <Mention name="@everyone" />,
    emoji: (emoji, drawn) => <Emoji name={emoji.name} drawn={drawn(emoji)} />,
    date: ({ timestamp, format, fallback }) => (
      <time title={whole(timestamp)}>{formatted(Number(timestamp), format, fallback)}</time>
    ),
    link: ({ href, children }) => <Link href={href} visit={visit} words={children} />,
  }
}

const Mention = ({ name }) => <span className="mention">{name}</span>

// The renderer draws a name that it does not know without its colons.
function Emoji({ name, drawn }) {
  return drawn === name ? `:${name}:` : <span role="img" aria-label={name}>{drawn}</span>
}

// A link only if it leads somewhere harmless; a message of this workspace is opened in the page.
function Link({ href, visit, words }) {
  if (!/^(https?:\/\/|mailto:)/i.test(href)) return <span>{words}</span>
  const target = linked(href)
  const open = (event) => {
    event.preventDefault()
    visit(target)
  }
  return target
    ? <a href={href} onClick={open}>{words}</a>
    : <a href={href} target="_blank" rel="noopener noreferrer">{words}</a>
}
