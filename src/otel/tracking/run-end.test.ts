import { describe, expect, test } from 'vitest'
import { type EndGrounds, RunEnd, type TerminalType } from './run-end.js'

/** A run's end, and the terminal events that were published of it: their ids, with those that they supersede. */
function startRun() {
  const end = new RunEnd()
  const published: string[] = []
  const record = (type: TerminalType, grounds: EndGrounds) =>
    end.record(type, grounds, (supersedes) => {
      const id = `e${published.length + 1}`
      published.push(supersedes === undefined ? id : `${id} supersedes ${supersedes}`)
      return id
    })
  return { end, published, record }
}

describe('the end of a run', () => {
  test.each<EndGrounds>(['observed', 'guessed', 'claimed'])('once observed, is not recorded again as %s', (grounds) => {
    const { end, published, record } = startRun()
    record('run_completed', 'observed')
    record('run_failed', grounds)
    expect(published).toEqual(['e1'])
    expect(end.isOpen).toBe(false)
  })

  test('supersedes a guess, once', () => {
    const { end, published, record } = startRun()
    record('run_interrupted', 'guessed')
    expect(end.isGuessed).toBe(true)
    record('run_completed', 'observed')
    record('run_failed', 'observed')
    expect(published).toEqual(['e1', 'e2 supersedes e1'])
    expect(end.isGuessed).toBe(false)
  })

  test('supersedes the claim that has superseded a guess', () => {
    const { end, published, record } = startRun()
    record('run_interrupted', 'guessed')
    record('run_failed', 'claimed')
    expect(end.isGuessed).toBe(false)
    record('run_cancelled', 'claimed')
    record('run_completed', 'observed')
    expect(published).toEqual(['e1', 'e2 supersedes e1', 'e3 supersedes e2'])
  })

  test('is never guessed twice', () => {
    const { published, record } = startRun()
    record('run_interrupted', 'guessed')
    record('run_failed', 'guessed')
    expect(published).toEqual(['e1'])
  })

  test('is no claim of somebody who has not been given a guess to correct', () => {
    const { end, published, record } = startRun()
    record('run_completed', 'claimed')
    expect(published).toEqual([])
    expect(end.isOpen).toBe(true)
  })

  test('comes again, without superseding anything, when the run has gone on', () => {
    const { end, published, record } = startRun()
    record('run_completed', 'observed')
    expect(end.recordAgain('run_completed')).toBe(false)
    end.reopen()
    expect(end.recordAgain('run_completed')).toBe(true)
    expect(end.recordAgain('run_failed')).toBe(false)
    expect(published).toEqual(['e1'])
  })

  test('comes again for a suspended run, which nobody has to reopen', () => {
    const { end, record } = startRun()
    record('run_suspended', 'observed')
    expect(end.isSuspended).toBe(true)
    expect(end.recordAgain('run_suspended')).toBe(true)
    expect(end.recordAgain('run_completed')).toBe(true)
    expect(end.isSuspended).toBe(false)
    expect(end.recordAgain('run_completed')).toBe(false)
  })

  test('of a run that was given up is recorded once, though the run was resumed meanwhile', () => {
    const { end, published, record } = startRun()
    record('run_interrupted', 'guessed')
    end.reopen()
    expect(end.recordAgain('run_completed')).toBe(false)
    record('run_completed', 'observed')
    expect(end.recordAgain('run_failed')).toBe(false)
    expect(published).toEqual(['e1', 'e2 supersedes e1'])
  })

  test('is not recorded of a run that was forgotten', () => {
    const { end, published, record } = startRun()
    end.forget()
    record('run_completed', 'observed')
    expect(published).toEqual([])
    expect(end.isOpen).toBe(false)
  })

  test('corrects no guess of a run that was forgotten', () => {
    const { published, record, end } = startRun()
    record('run_interrupted', 'guessed')
    end.forget()
    record('run_completed', 'observed')
    expect(published).toEqual(['e1'])
  })

  test('may come again of a run that has gone on, though it is forgotten', () => {
    const { end, record } = startRun()
    record('run_completed', 'observed')
    end.reopen()
    end.forget()
    expect(end.recordAgain('run_completed')).toBe(true)
  })
})
