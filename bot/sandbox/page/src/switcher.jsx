// Ctrl+K: type a few letters, Enter goes there.
import { Dialog } from './dialog.jsx'
import { Picker } from './picker.jsx'

export function Switcher({ groups, go, cancel }) {
  const from = (text) => {
    const like = (item) => item.name.toLowerCase().includes(text.toLowerCase())
    const found = groups
      .map(({ heading, items }) => ({
        label: heading,
        options: items.filter(like).map((item) => ({ value: item.id, text: { text: `${item.mark} ${item.name}` }, item })),
      }))
      .filter((group) => group.options.length)
    return { groups: found, note: found.length ? '' : 'No such place' }
  }
  return (
    <Dialog label="Go to a channel" className="modal switcher" cancel={cancel}>
      <div className="modal-body">
        <Picker label="Where to" placeholder="Where to?" from={from} chosen={[]} change={([option]) => go(option.item)} startOpen />
      </div>
    </Dialog>
  )
}
