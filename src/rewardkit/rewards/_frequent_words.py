"""Frequent words of languages in a Latin or Cyrillic script, by which short sentences differ.

They are words that prose of any subject has, and reasoning most of all: articles, pronouns,
prepositions, forms of "be" and "have", connectives, and words such as "answer" and "number". A word
that two languages share is in both lists. Words of one ASCII letter are left out: they may be
variables.
"""

from __future__ import annotations

FREQUENT_WORDS = {
    "cs": """
        aby ale ani asi až bez bude budeme by byl byla bylo být celkem chyba co což další den dny do
        druhý dva díky dělíme hodin hodnota hotovo jak jako je jeden jedna jeho jejich její jen
        jenom jestli ještě již jsem jsme jsou já každý kde kdo kdy když kolik krok která které který
        lidí mají menší mezi mi mu my má máme mít může můžeme na nad najdeme ne nebo není než no
        nějaký oba obě od odečteme odpověď ona oni otázka pak platí po pod podle pokud polovina pro
        problem protože první před při příklad rok rovnice rovná sama se sečteme si součet spočítáme
        správný správně stejný strany ta tady tak také takže tam tedy ten tento to tohle toho tomu
        tu ty tím třetí tři už ve vám výsledek větší vše všechny vždy za zbude zbývá ze
        zkontrolujeme čísel číslo řešení že
    """,
    "da": """
        af alle alt altså anders andet andre at begge bliver bruger både da dag dage de del dem den
        denne der deres derfor det dette dig din disse dit dobbelt du efter eksempel eller en enkelt
        er et find fjerde for fordi forkert fra få får færdig først første gange give giver god
        halvdelen ham han har have hele her hun hver hvilken hvilket hvis hvor hvordan hvorfor igen
        ikke ind ingen ja jeg kan klar klart kommer kontrollerer kun lad lang let lige ligger
        ligning ligningen løsning løsningen man mange med meget mellem men mener mens mest mig min
        mindst mit mod mål nej nogle nu når og også okay om op opgaven os over par problem problemet
        på resultatet rigtigt samme sammen se selv ser side siden sider sidste sig sin skal skulle
        som spørgsmål større størst summen svar svaret så tage tak tal tallene tallet til timer to
        tre tredje trin ud under var ved vi vil viser være været år
    """,
    "de": """
        ab aber alle allem alles als also am an andere anderen anders antwort anzahl auch auf
        aufgabe aus außerdem beginnen bei beide beiden beispiel bekannt benötigt besteht beträgt bin
        bis bleiben bleibt da dadurch dagegen daher damit danach dann das dass dem den denn der
        deren des deshalb dessen deutlich die dies diese diesem diesen dieser dieses doch dort drei
        du durch echt ein eine einem einen einer eines einfach einmal er ergebnis ergibt erhalten
        erste es euro falls falsch fehlt fertig folgt frage fragt für ganz ganze ganzen gar gegeben
        gerade gesamt gesucht gibt gilt ging gleich gleichung groß größer gut haben hand hat hatte
        heißt her hier hinzu hälfte hätte ich ihm ihr ihre im immer in insgesamt ist ja jahr jahre
        jede jeden jeder jedes jedoch jetzt jeweils kann kein keine keinen klar kleiner konnte
        können lang lassen lautet leicht letzte letzten liegt links länge lösen lösung machen macht
        mal man mehr mehrere mit moment muss möchte müssen müsste nach name nehmen nein nicht nichts
        niemals niemand noch nun nur nächste nächsten ob oder ohne okay passt preis problem prüfe
        prüfen rechne rechnen rechnung rechts richtig schließlich schon schritt schwer schwierig
        sehr sei sein seine seite seiten sich sie sieht sind so soll sollte somit sonst start stimmt
        stunde stunden summe tag tage tatsächlich teil teilen total trotzdem um und uns unsere unter
        viel viele vielleicht vier vom von vor war waren warte was weil weiter weitere weniger wenn
        wer werden wert wie wieder will wir wird wissen wobei wollen worden würde zahl zahlen zeigen
        zeigt zeile zeit ziehen zu zuerst zuletzt zum zur zurück zusammen zwar zwei zweite zweiten
        zwischen über übrig
    """,
    "en": """
        about add after again ago all also always am an and another answer any are around as ask
        asks at away back be because become been before begin best better big bigger book both box
        boys but by call can cannot change check children choose clear come comment complete
        consider correct cost could count day days did different divide do does doing done double
        down due each early either else end enough equal equals equation even ever every exactly
        fact few final finally find finish first five for found four from full get girls give given
        gives go going good got grand great greater group had half hand hard has have having he help
        hence her here him his hold holds hours how however hundred idea if in instead into involves
        is it its itself just keep kind know large larger last later least leaves left less let like
        list little long look looks lot make man many me mean means meet men might minutes moment
        money more most much multiply must my name need never next no not note nothing now number
        numbers of off often okay old on once one ones only or other others our out outside over own
        part people per place point possible price problem proof prove proved put question quite
        rather read ready really remain remaining remember result return returns right round said
        same say second see set several shall she should show shows side simple simply since six
        small smaller so solution solve some something sometimes son start states step steps still
        student students subtract such sum sure take takes tell ten than that the their them then
        there therefore these they thing think third this those though thousand three through thus
        time times to today together too total true try trying turn twelve twice two under until up
        us use using usually value very wait want wants was way we week well were what when where
        whether which while who whole why will with word words work works would write wrong year
        years yes yet you your
    """,
    "es": """
        acaba además ahora al algo alumnos ambos antes aquí así año años aún bien cada calculamos
        calcular casa caso cierto como comprobamos comprobar con correcto cual cuando cuatro cuesta
        cuántas cuántos cómo da dar de decir deja del demás desde después dice difícil dividimos
        dividir doble donde dos día días ecuación ejemplo el ella ello en encontrar entonces entre
        era error es esa ese eso esta estamos estas este esto estos está están existe fin final
        forma fácil grande ha había hace hacer hacia hallar hay he hora horas idea igual importa la
        lado las le les lista listo lo los luego lugar línea mal mayor mañana me menor menos mi
        mismo mitad mucho multiplicar muy más nada ni no nombre nos nuestro nueva nuevo número
        números obtenemos obtiene otra otro para parece paso pasos pequeño pero persona personas
        podemos por porque pregunta primer primera primero problema pronto pues que queda quedan
        quiere qué respuesta restamos restar resultado se sea según ser será si sido siempre simple
        sin sino sobre solo solución somos son su suma sumar sus sí tal también tan tanto te tenemos
        tener tercera tercio terminado tiene tienen toda todas todo todos total tres tu un una uno
        unos usted va vale valor vamos veces ver verdad verificamos vez ya yo él
    """,
    "fi": """
        ei eikä eli en ensin esimerkki et että he hän hänen idea ihmistä ilman itse ja jaetaan joka
        jos jossa jota joten jotka jäljellä jää kaikki kaksi kaksinkertainen kanssa kerran kerrotaan
        koko kolmas kolme koska kuin kuinka kun kysymys lasketaan lisätään lopuksi luku lukua luvun
        lähtien me mikä minä mitä molemmat muita mutta muuta myös ne niiden niin noin nyt näin
        näyttää oikea oikein ole olemme oli olisi olla on onko ovat paljon pari pienempi pieni pitää
        puolet päivä päivää ratkaisu riittää saadaan saamme sama se sekä sen seuraavaksi siis siitä
        sillä sinä summa suurempi suuri tai tarkistetaan toinen tulos tunti tuntia tämä tämän tässä
        tästä tätä täytyy vaihe vain valmis vastaus vielä virhe voi voidaan vuosi väärin yhdessä
        yhteensä yhtälö yksi
    """,
    "fr": """
        ai ainsi ajouter ajoutons alors an année ans après au aucun aucune aurait aussi autre autres
        aux avait avant avec avoir avons beaucoup bien bon calculer calculons car ce ceci cela celle
        celui ces cet cette ceux chacun chacune change chaque combien comme comment compte contient
        côté côtés dans de depuis dernier dernière des deux deuxième devons difficile dire dit
        diviser divisons dois doit doivent donc donne dont double droite du elle elles en encore
        enfin ensuite entier entiers entre erreur est et eux exact exemple existe facile facteur
        fait faut faux fin final fois font gauche grand grande heure heures hors il ils je jour
        jours jusqu la laquelle large le lequel les leur leurs ligne long lors lui là ma mais me
        membres mes minutes moins moitié moment mon montre montrons multiplie multiplier multiplions
        même ne ni nombre nombres non nos note notre nous nouveau nouvelle obtient on ont or ou où
        par parce parfait part pas personne personnes petit petite peu peut peuvent peux place plus
        point possible possède pour pourquoi premier première prix problème produit prouve puis
        puisque quand quatre que quel quelle question qui quoi racine reste restent réponse résultat
        sa sans se second selon semble sera serait ses si simple simplifier sinon six soit solution
        somme sommes son sont sous soustraire sur ta te terminé tes tiers toi ton total toujours
        tous tout toute toutes trois troisième trouve trouver trouvons très tu un une va valeur vaut
        vers veut voici vos votre vous vrai vraie vérifie vérifier vérifions égal égale élèves
        équation équations était étape étapes être
    """,
    "hu": """
        adjuk aki akkor alatt amely ami amit annak az azaz azok azonban azt azért be ben csak de egy
        egyenlet egyik egymás el ellenőrizzük először előtt ember eredmény erre este ez ezek ezt
        ezért fele ha hanem harmadik hat helyes hiba hiszen hogy három igen is itt jó jól kapjuk
        kell keressük kettő ki kicsi kisebb kérdés kész két kétszer következik között közül le
        legyen lehet lesz lesznek lépés ma majd marad maradt meg megoldás megoldása mennyi mert mi
        minden mindkét mint mit most már más második még nagy nagyobb nagyon nap ne nem nincs négy
        nélkül nézzük olyan osszuk pedig példa rossz sem szerint szorozzuk szám számok számoljuk
        számot te tehát tudjuk több utolsó után vagy vagyok van vannak volt válasz én és év így óra
        össze összeg összege összesen új újra ő ők
    """,
    "id": """
        ada adalah adik agar akan akhir akhirnya aku amat anda andaikan angka antara apa apakah
        artinya atas atau ayah bagaimana bagi bagian bahwa baik banyak banyaknya baru begitu belum
        benar berapa berarti beri berikut berikutnya bernilai bersama besar besarnya bila bilangan
        bilangannya bisa buah bukan butuh butuhkan cara cari carilah cek coba cocok contoh contohnya
        cukup dalam dan dapat dari daripada demikian dengan di dia dibagi dibandingkan dibulatkan
        dibutuhkan dikali diketahui dikurangi dimana diperlukan diperoleh dobel dua dulu empat enam
        final gaji gunakan guru hal hanya harga harganya hari harus hasil hasilnya himpunan hingga
        hitung hitunglah ia ibu ingin ini itu jadi jam jangan jarak jawab jawaban jawabannya
        jawablah jelas jika juga jumlah jumlahkan kakak kalau kali kalikan kami karena kata ke
        kecepatan kecil kedua keduanya kelihatannya keliling kelilingnya keliru kemudian kepada
        kesalahan kesimpulan kesimpulannya ketiga kita kurang kurangi lagi lain lalu langkah
        langkahnya lebar lebarnya lebih lima luas luasnya maka mana mari masih maupun memakai
        membagi membayar membeli memilih memiliki mencari mengembalikan menghitung menjadi menjual
        mereka misalkan mudah mulai murid nilai nilainya nol oke oleh orang pada panjang panjangnya
        para pecahan peluang peluangnya pembilang penyebut periksa perlu pernyataan persamaan persen
        pertama pertanyaan punya ruas rumus rumusnya saat saja salah sama sampai sana sangat satu
        saya sebagai sebanyak sebelum sebuah sedangkan sehingga sekarang selain selalu selesai
        seluruh seluruhnya semua separuh seperti serta sesuai setelah setengah setiap siapa sisa
        sisanya sisi siswa soal solusi suatu sudah sulit supaya tadi tahu tahun tak tanpa tapi telah
        tentu tentukan tepat terakhir terbesar terbukti terhadap terkecil ternyata tersebut tersisa
        tetapi tiap tidak tiga tinggi tingginya total tunggu turunan uang umur umurnya untuk waktu
        ya yaitu yakni yang
    """,
    "it": """
        abbiamo ad adesso agli ai al alla alle allo allora altra altri altro anche ancora anni anno
        aspetta avere bene calcolare calcoliamo casa caso certo che chi ci ciascuna ciascuno circa
        ciò come con conta conto controllare controlliamo corretto così cui da dai dal dalla dalle
        dato degli dei del della delle dello deve di dice difficile dire dividere dividiamo dobbiamo
        domanda dopo doppio dove due ed equazione era erano errore esempio esiste essere euro fa
        facciamo facile finito forma fra giorni giorno giusto gli grande ha hanno ho idea il in
        infatti infine insieme intero io la lati lato le lei lista lo loro lui ma maggiore me meno
        mentre metà mi minore mio moltiplicare moltiplichiamo molto ne negli nei nel nell nella
        nelle nessun nessuna no noi non nostra nostro note numeri numero nuova nuovo ogni oppure ora
        ore otteniamo ottiene pari passi passo per perché persona persone però piccolo più poi
        poiché possiamo prima primo problema pronto può qual quale quando quanti quanto quattro quel
        quella quelle quelli quello questa queste questi questo qui quindi resta restano riga rimane
        rimangono risposta risultato sa sarà sbagliato se sei sembra sempre senza si sia siamo solo
        soluzione somma sommare sono sottraiamo sta stesso studenti su sua sugli sul sulla suo suoi
        sì tanto te terza terzo totale tra tre trovare troviamo tu tutti tutto un una uno va vale
        valore vediamo verifichiamo vero vi voi volta volte vuole è
    """,
    "nl": """
        aan al alle allebei alleen alles als andere anderen anders antwoord antwoorden begin
        beginnen beide bekend bij blijft blijven daar daarmee daarna daarom dag dagen dan dat de
        deel delen delers derde deze dezelfde die dit doen door dubbel dus echt een eens eenvoudig
        eerst eerste eindantwoord einde elk elke en enkele er ervan euro even fout functie gaan gaat
        gebruiken geeft geen gegeven gelijk getal getallen gezocht goed groot grootste groter haar
        had half hand hard hebben hebt heeft hele helft hem het hier hij hoe hoeveel hun iemand iets
        ik in is ja jaar jaren je juist juiste kan kijken kind klaar kleiner kleinste klopt komt
        krijgen kun kunnen laat laatste lang langer laten later lijst links maal maar maken
        makkelijk man me meer men mensen met mij mijn minder minst moeilijk moet moeten moment na
        naar nemen niemand niet niets nodig nog nou nu of om omdat onder ons ook op oplossing over
        overige per prijs prima rechts rekenen resultaat ronde samen schrijven som sommige stap
        start stellen te tegen ten ter terug tijd toch toen tot totaal tussen twee tweede uit
        uitkomst van veel ver vergelijking verschil vier vinden vindt volgende voor vraag vraagt
        vragen waar waarde waarom wacht wanneer want waren was wat we week weer weinig wel welke
        werd werden weten wie wij willen word worden wordt ze zeer zei zelf zich zien ziet zij zijn
        zit zitten zo zoals zoeken zonder zou zullen
    """,
    "pl": """
        aby albo ale ani aż bardzo bez bo bowiem by być był była było błąd chyba ci co cztery czy
        czyli dla dni do dobrze dodajemy druga drugi dwa dwie dzielimy dzięki euro gdy gdzie go
        godzin ich ile im inne innego inny iż ja jak jakie jako je jeden jedna jednak jego jej jest
        jestem jeszcze jeśli już każda każde każdej każdy kiedy koniec krok która które który którzy
        lat liczb liczba liczby liczbę lub ma mają mamy mi między mniej mniejsza mnożymy moment może
        możemy można mu musi muszą my na nad należy nam nas nie niech nigdy no oba obie obliczmy od
        odejmujemy odpowiedź on ona oni oraz osób otrzymujemy pierwszy po pod ponieważ potrzeba
        połowa problem przed przez przy przykład pytanie razem rok rozwiązania rozwiązanie równa
        równanie również sama się sobie sprawdźmy strony suma szukamy są ta tak także tam te tego
        tej ten teraz to trzeci trzy tu ty tych tylko tym tę wartość we więc więcej większa większe
        większy wszystkie wtedy wygląda wynik wynosi za zatem ze zostaje zostało źle że
    """,
    "pt": """
        acaba acabou agora ainda algo alunos além ambos ano anos antes ao aos aqui as assim até bem
        bom cada calculamos calcular casa caso certo com como conta correto da dar das daí de dela
        dele demais depois desde desse deste deve dia dias difícil disso dividimos dividir diz do
        dobro dois dos ela ele eles em encontramos encontrar entre então equação era errada errado
        erro essa esse esta estamos estas este estes está estão eu exemplo existe fazer fica final
        foi forma fácil grande hora horas há igual importa isso isto já la lado lados lhe linha
        lista logo lugar maior mais mal mas me menor menos mesmo metade meu muita muito
        multiplicamos multiplicar na nada nas necessário necessários nem nenhum nenhuma nessa nesse
        neste no nos nossa nosso nova novo não nós número números obtemos obtém onde os ou outra
        outro para parece passo passos pela pelas pelo pelos pequeno pergunta pessoa pessoas pode
        podemos pois por porque portanto porém possui precisamos preciso primeira primeiro problema
        pronto quais qual quando quanto quatro que quem quer resposta resta restam resultado se sei
        seja sem sempre ser será seu seus sido sim sobre solução soma somar somos sua suas
        subtraímos são só tal também tanto te tem temos ter terceira teremos terço tinha toda todas
        todo todos total três tu tudo um uma uns vale valor vamos ver verdade verificamos verificar
        vez vezes você volta vou é
    """,
    "ro": """
        acea aceasta această acest acesta aceste acolo acum adevărat adică adunăm aflăm ai al ale
        alt am an ani apoi ar are asta astfel atunci au avea avem aș bine ca calculăm care casa ce
        cei cel cele chiar ci circa corect cu cum când cât câte că da dacă dar de deci decât deja
        despre din doar doi două dublu după ea ecuația ei el ele elevi era eroare este eu euro exact
        exemplu fel fi fie fiecare fiind final forma fost fără gata greu greșit găsim iar in
        jumătate la le lista lor lui mai mare mi mic mod moment mult ne nici nicio niciun noastră
        noi nostru nu numai numere număr numărul obținem or ora ore ori oră pare pas pasul pași pe
        pentru persoane poate prima primul prin problema putem restul rezultat rezultatul rămân
        rămâne răspuns răspunsul sa sau scădem se si soluția soluție spre spune sua sub suma sunt
        suntem sus să ta te toate tot total toți trebuie trei treia tu un una unde unei unui ușor va
        valoarea verificăm vom vor vrea zi zile îi îl împărțim în înainte încă înmulțim între
        întrebarea își și
    """,
    "ru": """
        а без более больше будем бы был была были было быть в важна важно вам вас весь во вопрос вот
        все всего всё второй вы вычтем где год готово да дальше два две действительно деле день для
        дней дня до должен другие других другой его ее если есть еще ещё её ж же за здесь значит и
        из или им имеем их к каждой каждый как какое какой когда которая которое которые который кто
        лет ли людей между меньше меня мне может можно мы на надо найдем найдём нам нас не неверно
        него нет ни но ну нужно о оба обе один он она они оно остается осталось остаётся от ответ
        очень ошибка первый по половина получаем получим потом потому похоже поэтому правда правду
        правильно при пример про проверим пусть равен равна равно раз разделим решение решений с сам
        самом сейчас сколько сложим случае сначала снова со сумма так также такое такой там те тем
        теперь то тогда того тоже той только том тому тот третий три ты у уже умножим уравнение
        хорошо часа часов человек чем через чисел числа число числу что чтобы шаг это этого этой
        этот я
    """,
    "sv": """
        all alla allt alltså anders andra annan att av bara blir bra båda både dag dagar de del dem
        den denna deras dess det detta dig din dit du dubbelt där därför då efter eftersom
        ekvationen eller en enkelt enligt ett exempel exempelvis fel finns fjärde fram fråga frågan
        från få får för först första ge genom ger god gånger gör ha hade han har hela henne hon hur
        hälften här högst igen in inga ingen ingenting inte ja jag just kan klar klarade klart
        kommer kontrollera kvar lika lista lägger låt lösning lösningen man med mellan men mer mest
        mig min minst mot mycket mål många måste nej nu när nästa något och också om oss problem
        problemet på resultatet rätt samma se sedan sen ser sida sig sin ska skulle som son steg
        stämmer större störst summa summan svar svaret sätt så ta tal talen talet testa till tills
        tillsammans timmar totalt tre tredje två under upp ut utan va vad var vara varför varje
        verkar vi vid vilken vilket vill visar vänta vår äkta är år över
    """,
    "sw": """
        ambao ambayo au baada bado basi bila cha chini gani hadi hapa hapo hatua hesabu hii hili
        hivyo hiyo hizi huo huu idadi ikiwa ile ili ingawa jibu jumla kabla kama kati katika kiasi
        kila kisha kosa kubwa kuhusu kupata kutoka kuwa kwa kwamba kwanini kwanza la lakini lazima
        mara mbili mfano mimi mmoja moja mwaka mwisho na namba nambari ndogo ni nini nne nusu pamoja
        pia saa sana sasa sawa sehemu siku sisi subiri swali tafadhali tano tatu tu tuangalie
        tunahesabu tunapata vizuri wa wake wao watu wote ya yake yao yote za zaidi zote
    """,
    "tr": """
        acaba adet adım al alt ama an ancak artı aslında aynı az bakalım bana bazı başka ben beş
        bile bilinen bir biri birinci bitti biz bu bulalım bulmak bulunur buluruz buna bunlar bunu
        bunun burada bölü böyle bütün büyük cevap da daha de denklem değer değil dikkat diye diğer
        dolayı dolayısıyla doğru dur dört edelim eder ederiz eksi elde en eğer eşit eşittir fakat
        farkı fazla final gereken gerekir gerekiyor gibi göre görünüyor gün güzel hangi hata hem
        hepsi her hesapla hesaplayalım hâlde iki ikinci ile ilk ise istenen istiyor iyi için içinde
        işte kadar kalan kalanı kalır kalıyor katı kaç kere kez ki kişi kolay kontrol kullanıcı
        küçük mal mi mu mı nasıl ne neden olan olarak olduğu olduğuna olmak olmalı olmalıdır olsun
        olur on ona onlar onu onun oysa para peki saat sadece sayı sayısı sayısını sen son sonra
        sonucu sonuç soru soruda sorunun su sıfır ta tam tamam tane tekrar toplam toplamı tüm var
        varsa ve ver verilen verir veya ya yani yanlış yanıt yapalım yaptım yarı yarısı yerine yok
        yüz yüzde yıl zor çarp çok çözüm çözümü çünkü önce önemli örnek üç şey şimdi şu
    """,
    "uk": """
        а або адже але ані без був буде була було бути більше в вам вас весь вже ви вона вони воно
        все всього від відповідь він години готово далі два де день для дня до добре дорівнює ж же з
        за знайдемо знову зі й його кожен коли крок лише людей маємо мене менше ми може можна між на
        нам нас не немає неправильно ну ні ніж о обидва обидві один отже отримаємо перевіримо
        питання по половина помилка потрібно потім правда правильно при приклад про раз разом
        рівняння рік с сам скільки сума схоже та так також там те тепер то тобто того тоді той тому
        треба три у уже усі хто це цей цього ці через чи числа число що щоб я як яка який якщо які і
        із інше інших їх її
    """,
    "vi": """
        anh bao bà bài bây bước bằng bị chia cho chỉ chọn con cuối các cái câu còn có cô cùng cũng
        cả cần cộng của danh do dùng dư dễ dụ em giá giải giờ gấp gồm hai hay hiệu hàm hãy hơn hết
        hỏi khi khác khó không kiểm kết là lên lúc lại lần lớn muốn mà mất mỗi một mới nam nghiệm
        nghĩa ngày người nhiều nhân như nhưng nhận nhỏ những nào nên nó năm nếu nửa nữa phép phương
        phải phần qua quả ra rằng rồi sai sao sau so suy sách sẽ số ta tam theo thành thì thương
        thấy thế tra trong trên trình trước trừ tìm tích tính tôi tại tất tổng từ và vào vì ví vậy
        vế về với xem xong xét ông đang đi điều đáp đây đã đó đôi đúng được đầu đến đều để
    """,
}
