-- Patterns, formats, packing, UTF-8.
print(('hello world'):gsub('o', '0'), ('abc'):gsub('%w', '%0%0'), ('hello'):gsub('', '-'))
print(('key = value'):match('^(%w+)%s*=%s*(%w+)$'), ('[[x]]'):find('[', 1, true), ('f(a(b)c)d'):match('%b()'))
for word in ('one two  three'):gmatch('%a+') do io.write(word, ';') end
print(('THE (quick) fox'):find('%((%a+)%)'), ('x'):rep(3, ','), ('abc'):reverse(), ('abc'):byte(1, -1))
print(string.format('%5.2f|%-5d|%05d|%x|%X|%o|%e|%g|%q|%s|%c|%%|%i', 3.14159, 42, 42, 255, 255, 8, 12345.678, 1e20, 'a\nb"c\0d', 'text', 65, 7))
print(string.format('%q %q %q', 1 / 3, math.mininteger, 1e100), string.format('%a', 0.5))
print(#string.pack('<i4i8dz', -2, 1 << 40, 1.5, 'zero'), string.unpack('<i4', string.pack('<i4', -2)))
print(string.pack('>I2 s1', 258, 'ab'):byte(1, -1))
print(utf8.char(228, 8364, 128512), utf8.len('äöü'), utf8.codepoint('€', 1), #utf8.charpattern)
for p, c in utf8.codes('aä') do io.write(p, ':', c, ' ') end
print(utf8.len('\xff'))
print(tostring(1e15), tostring(2^53), tostring(-0.0), tostring(1/0), tostring(3) == '3', 10 // 3, -7 // 2, -7 % 3, 7.5 // 2)
print(tonumber('0x10'), tonumber('  12  '), tonumber('1e1'), tonumber('z', 36), tonumber('8', 8), tonumber('0x.8p1'), tonumber(''))
print(math.maxinteger, math.mininteger // -1, math.maxinteger + 1 == math.mininteger, 1 < 1.5, 2^31 | 0, 5 // 0.0, 0/0 ~= 0/0)
print(('%s'):rep(3, ' '):format(1, 2.0, true), ('x'):upper(), ('%d'):format(3.0), #('\u{10FFFF}'))
print(table.concat({1, 2, 'three'}, '-', 2), table.concat({}), ('a,b,,c'):gsub(',', ';', 2))
print(os.date('!%Y-%m-%d %H:%M:%S', 86400 * 365), os.time{year = 2020, month = 2, day = 29, hour = 12} - os.time{year = 2020, month = 2, day = 28, hour = 12})
