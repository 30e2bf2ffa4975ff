import { expect, test } from 'vitest'
import { RecentLists } from './recent-lists.js'

test('keeps the newest values of a key, oldest first', () => {
  const lists = new RecentLists<number>(100, 3)
  for (let n = 0; n < 5; n++) lists.add('a', n)
  lists.add('b', 9)
  expect(lists.of('a')).toEqual([2, 3, 4])
  expect(lists.of('b')).toEqual([9])
  expect(lists.of('c')).toEqual([])
})

test('forgets the oldest keys, and keeps as many values as it has room for', () => {
  const lists = new RecentLists<number>(10, 3)
  for (let n = 0; n < 25; n++) lists.add(`key ${n}`, n)
  expect(lists.of('key 0')).toEqual([])
  for (let n = 15; n < 25; n++) expect(lists.of(`key ${n}`)).toEqual([n])
})

test('joins what a key has from before and after the turn', () => {
  const lists = new RecentLists<number>(4, 3)
  for (let n = 0; n < 3; n++) lists.add('a', n)
  lists.add('b', 0)
  lists.add('a', 3)
  expect(lists.of('a')).toEqual([1, 2, 3])
})
