// One interactive element, wherever it stands. `choose`: what a person made of it.
import { Button } from './button.jsx'
import { Choices } from './choices.jsx'
import { useHere } from './here.js'
import { Overflow } from './overflow.jsx'
import { Picker } from './picker.jsx'
import { source } from './sources.js'
import { useSurface } from './surface.jsx'
import { TextField } from './text_field.jsx'

// In a message, in actions, or beside a section: what is chosen goes to the app at once.
export function Control({ element, block }) {
  const surface = useSurface()
  if (element.type === 'button') return <Button element={element} block={block} />
  if (element.type === 'overflow') return <Overflow element={element} block={block} />
  if (element.type === 'image') return <span className="no-image">[image: {element.alt_text}]</span>
  const label = element.accessibility_label || element.placeholder?.text || block.text?.text || 'Choose'
  return <Entry element={element} block={block} label={label} change={(value) => surface.choose(block, element, value)} />
}

// What holds a value. `field`: its id, and those of its hint and error.
export function Entry({ element, block, label, change, entered, ...field }) {
  const surface = useSurface()
  const value = surface.value(block, element)
  if (['checkboxes', 'radio_buttons'].includes(element.type)) {
    return (
      <Choices element={element} value={value} change={change} label={label} described={field['aria-describedby']} invalid={field['aria-invalid']} />
    )
  }
  if (element.type.endsWith('_select')) return <Select {...{ element, block, label, value, change, field }} />
  return <TextField element={element} value={value} change={change} entered={entered} aria-label={label} {...field} />
}

const byId = (element) => /(users|conversations|channels)_select$/.test(element.type)

function Select({ element, block, label, value, change, field }) {
  const { state } = useHere()
  const { suggest } = useSurface()
  const several = element.type.startsWith('multi_')
  const from = source(element, state, (text) => suggest(block, element, text))
  const options = several ? value : [value].filter(Boolean)
  const chosen = byId(element) ? options.map((id) => from('').groups.flatMap((g) => g.options).find((o) => o.value === id)) : options
  const changed = (now) => {
    const plain = byId(element) ? now.map((option) => option.value) : now
    change(several ? plain : (plain[0] ?? null))
  }
  return (
    <Picker
      label={label}
      placeholder={element.placeholder?.text || 'Choose'}
      from={from}
      chosen={chosen.filter(Boolean)}
      several={several}
      most={element.max_selected_items || Infinity}
      change={changed}
      described={field['aria-describedby']}
      invalid={field['aria-invalid']}
      id={field.id}
    />
  )
}
