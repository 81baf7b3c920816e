// The blocks of a message, a form or Home. The renderer draws what is only read; what is pressed or filled in is drawn here.
import { Control } from './control.jsx'
import { InputBlock } from './input_block.jsx'
import { Rendered } from './rendered.jsx'
import { Table } from './table.jsx'
import { Rich, Text } from './text.jsx'
import { mrkdwn } from './mrkdwn.js'

export const Blocks = ({ blocks }) => blocks.map((block, n) => <Block key={block.block_id ?? n} block={block} />)

function Block({ block }) {
  const Drawn = DRAWN[block.type]
  return <div className={`block ${block.type}`}>{Drawn ? <Drawn block={block} /> : `(${block.type})`}</div>
}

function Section({ block }) {
  return (
    <>
      <div className="section-words">
        {block.text && <Text text={block.text} />}
        {block.fields && <div className="fields">{block.fields.map((field, n) => <Text key={n} text={field} />)}</div>}
      </div>
      {block.accessory && <div className="accessory"><Control element={block.accessory} block={block} /></div>}
    </>
  )
}

const Actions = ({ block }) => block.elements.map((element) => <Control key={element.action_id} element={element} block={block} />)

function Context({ block }) {
  return block.elements.map((element, n) =>
    element.type === 'image'
      ? <span key={n} className="no-image">[image: {element.alt_text}]</span>
      : <Text key={n} text={element} />,
  )
}

// Enough of Markdown for a note: bold, headings and list marks; all else stays as it is written.
function fromMarkdown(text) {
  const escaped = text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
  return escaped.replace(/\*\*(.+?)\*\*/g, '*$1*').replace(/^#{1,6} (.+)$/gm, '*$1*').replace(/^[-*] /gm, '• ')
}

const DRAWN = {
  section: Section,
  actions: Actions,
  context: Context,
  input: InputBlock,
  table: Table,
  header: ({ block }) => <h3 className="header-block"><Text text={block.text} /></h3>,
  markdown: ({ block }) => <Rich parts={mrkdwn(fromMarkdown(block.text))} />,
  image: ({ block }) => <p className="no-image">[image: {block.alt_text}]</p>,
  rich_text: Rendered,
  divider: Rendered,
}
